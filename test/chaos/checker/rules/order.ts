import { isEnding, type Rule, type Violation } from '../history.js';
import type { Stream } from '../lines.js';

/** Turns of a session run one at a time, in the order of seq. Before a repeated attempt an event announces it. */
export const inOrder: Rule = (history) => history.streams.flatMap(inOrderIn);

function inOrderIn({ sessionId, events }: Stream): Violation[] {
  const violations: Violation[] = [];
  let running: number | undefined;
  let last = 0;
  let attempt = 0;
  /** Its repetition was announced. */
  let restarts: number | undefined;
  // After a gap that every reader was told of, the running turn is unknown until the next begin.
  let isKnown = true;
  let before = 0;
  const say = (at: number, what: string): void =>
    void violations.push({ rule: 'per-session order', at, what: `${sessionId}: ${what}` });
  for (const event of events) {
    const { type, at, seq = 0 } = event;
    if (event.number !== before + 1 && before > 0) {
      isKnown = false;
      running = undefined;
    }
    before = event.number;
    if (type === 'turn.restarted') restarts = seq;
    if (type === 'turn.started') {
      if (running !== undefined && running !== seq) say(at, `${seq} began while ${running} ran`);
      if (seq < last) say(at, `${seq} began after ${last}`);
      if (seq === last && (event.attempt ?? 0) <= attempt)
        say(at, `attempt ${event.attempt} of ${seq} after ${attempt}`);
      if (seq === last && restarts !== seq && isKnown) say(at, `${seq} began again without an announcement`);
      if (seq !== last && event.attempt !== 1) say(at, `${seq} began with attempt ${event.attempt}`);
      attempt = event.attempt ?? 0;
      isKnown = true;
      restarts = undefined;
      running = seq;
      last = seq;
    } else if (isEnding(event)) {
      if (running !== undefined && running !== seq && event.attempt !== 0 && seq > running)
        say(at, `${seq} ended while ${running} ran`);
      if (running === seq) running = undefined;
    } else if (isKnown && isOfAgent(type) && running !== seq)
      say(at, `an event of ${seq} while ${running ?? 'nothing'} ran`);
  }
  return violations;
}

const isOfAgent = (type: string): boolean => /^(text|thinking|tool|message)(\.|$)/.test(type);
