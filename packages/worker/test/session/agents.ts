import type { HeadTurn } from '@hearth/shared';
import type { Agent, AgentEvent, AgentExit } from '../../src/agent/driver.js';
import { RunningTurn } from '../../src/session/running-turn.js';

/** An agent made by hand: says what the test has it say. */
export interface HandAgent extends Agent {
  say(event: AgentEvent): void;
  /** Its process ends by itself. */
  die(exit?: Partial<AgentExit>): void;
  /** How often somebody waited for its end. */
  readonly waitedFor: number;
  readonly prompts: unknown[];
  readonly isEnded: boolean;
}

export function handAgent(pid: number, binding: () => Promise<void> = async () => undefined): HandAgent {
  let listener: (event: AgentEvent) => void = () => undefined;
  let resolveExit: (exit: AgentExit) => void = () => undefined;
  let waitedFor = 0;
  let isEnded = false;
  const prompts: unknown[] = [];
  const exited = new Promise<AgentExit>((resolve) => {
    resolveExit = resolve;
  });
  const die = (exit: Partial<AgentExit> = {}): void => {
    isEnded = true;
    resolveExit({ code: 0, signal: undefined, stderrTail: '', ...exit });
  };
  return {
    agentId: `a-${pid}`,
    pid,
    claudeSessionId: `c-${pid}`,
    get exited() {
      waitedFor += 1;
      return exited;
    },
    get waitedFor() {
      return waitedFor;
    },
    get isEnded() {
      return isEnded;
    },
    prompts,
    bind: async (_workspace, onEvent) => {
      await binding();
      listener = onEvent;
    },
    prompt: (prompt) => void prompts.push(prompt),
    interrupt: async () => undefined,
    answer: () => undefined,
    watch: () => undefined,
    end: async () => {
      die();
      return exited;
    },
    say: (event) => listener(event),
    die,
  };
}

const head = (seq: number): HeadTurn => ({
  sessionId: 's',
  turnId: `t${seq}`,
  seq,
  submittedAt: 0,
  state: 'running',
  attempts: 0,
  toolsReached: [],
  request: { prompt: 'x', onInterrupted: 'fail' },
  ring: { queue: 'intake', jobId: 'r' },
  isToStop: false,
});
/** A running turn. */
export const handOf = (seq: number): RunningTurn =>
  new RunningTurn(head(seq), 1, { workerId: 'w', pid: 1, warmth: 'hot' });
/** What an agent says that has answered its prompt. */
export const answered: Extract<AgentEvent, { kind: 'result' }> = {
  kind: 'result',
  ok: true,
  stopped: false,
  text: 'done',
  costUsd: 0,
  tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  reason: 'completed',
  claudeSessionId: undefined,
  lastEntryId: undefined,
};
