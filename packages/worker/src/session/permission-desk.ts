import type { ControlRequests, Logger, PermissionAnswer, PermissionRequest, Resolution } from '@hearth/shared';
import type { Agent, AgentEvent, Answer } from '../agent/driver.js';
import type { Outbox } from './outbox.js';
import type { RunningTurn } from './running-turn.js';

/** What a profile says about permission requests nobody answers. */
export interface PermissionPolicy {
  permissionDeadlineMs: number;
  permissionUnwatched: 'wait' | 'deny';
}

export interface PermissionDeskDeps {
  sessionId: string;
  fence: string;
  controls: ControlRequests;
  outbox: Outbox;
  policy: PermissionPolicy;
  log: Logger;
}

type Asked = Extract<AgentEvent, { kind: 'permission' }>;

interface Waiting {
  agent: Agent;
  hand: RunningTurn;
  asked: Asked;
  /** Undefined until the request is stored. */
  timer: NodeJS.Timeout | undefined;
}

/** A deadline the store did not take is told it again after so many ms. */
const denyAgainMs = 1_000;

const movedAway = 'Hearth: this session has moved to another worker.';
const nobodyCame = 'Hearth: nobody answered this permission request in time.';
const nobodyIsHere = 'Hearth: nobody is here to give this permission. The profile can allow the tool in advance.';
const denied = 'The user does not want this tool to run.';

/**
 * The permission requests of the running turn: brings them to whoever may answer, and the first answer back to the agent. Owns
 * those that wait, and their deadlines.
 *
 * D1 What is decided is what the store says: an answer from elsewhere, a deadline and a withdrawal meet there, and the first wins.
 * D2 An answer whose call was lost is found when the store is read again.
 * D3 A request the store does not know any more (Redis lost it, or the session) is over at its deadline all the same: the agent goes
 *    on, and its next write tells whether the session is still ours.
 */
export class PermissionDesk {
  private readonly waiting = new Map<string, Waiting>();

  constructor(private readonly deps: PermissionDeskDeps) {}

  /** The agent asks. */
  ask(agent: Agent, asked: Asked, hand: RunningTurn): void {
    this.inBackground(this.bring(agent, asked, hand));
  }

  /** Somebody answered. */
  async answered(requestId: string): Promise<void> {
    const entry = this.waiting.get(requestId);
    if (entry === undefined) return;
    const resolution = await this.deps.controls.resolution(this.deps.sessionId, requestId);
    if (resolution !== undefined) this.settle(entry, resolution);
  }

  /** Looks for answers whose calls were lost. */
  async reread(): Promise<void> {
    for (const requestId of this.waiting.keys()) await this.answered(requestId);
  }

  /** The agent needs no answer any more. */
  withdrawn(requestId: string): void {
    const entry = this.waiting.get(requestId);
    if (entry === undefined) return;
    const wasStored = entry.timer !== undefined;
    this.forget(entry);
    if (wasStored) this.inBackground(this.store(entry, { by: 'agent' }));
  }

  /** The exchange is over: nobody waits for an answer any more. */
  clear(): void {
    for (const entry of this.waiting.values()) this.forget(entry);
  }

  private async bring(agent: Agent, asked: Asked, hand: RunningTurn): Promise<void> {
    const { requestId } = asked;
    const entry: Waiting = { agent, hand, asked, timer: undefined };
    this.waiting.set(requestId, entry);
    const { permissionDeadlineMs, permissionUnwatched } = this.deps.policy;
    // Looked for before the request is told of: who is told of it may go, and answer.
    const [isWatched, stored] = await Promise.all([
      permissionUnwatched === 'wait' || this.isWatched(),
      this.deps.outbox.askPermission({
        request: requestOf(asked, hand.seq),
        deadlineMs: permissionDeadlineMs,
        parentToolUseId: asked.parentToolUseId,
      }),
    ]);
    if (stored.kind !== 'ok') {
      if (this.waiting.delete(requestId)) agent.answer(requestId, { allow: false, message: movedAway });
      return;
    }
    // The agent changed its mind while the request was on its way.
    if (this.waiting.get(requestId) !== entry) return void (await this.store(entry, { by: 'agent' }));
    hand.asks();
    this.arm(entry, permissionDeadlineMs);
    if (!isWatched) this.denyUnwatched(entry);
  }

  /** Denies at the deadline; when the store does not take it, again and again: the agent and the turn's clocks wait for it. */
  private arm(entry: Waiting, inMs: number): void {
    entry.timer = setTimeout(() => {
      this.inBackground(
        this.resolve(entry, { by: 'deadline', answer: { decision: 'deny', message: nobodyCame } }).catch((error) => {
          if (this.waiting.get(entry.asked.requestId) === entry) this.arm(entry, denyAgainMs);
          throw error;
        }),
      );
    }, inMs);
  }

  private denyUnwatched(entry: Waiting): void {
    this.inBackground(this.resolve(entry, { by: 'unwatched', answer: { decision: 'deny', message: nobodyIsHere } }));
  }

  private async resolve(entry: Waiting, resolved: Omit<Resolution, 'answerId'>): Promise<void> {
    const outcome = await this.store(entry, resolved);
    this.settle(entry, outcome.kind === 'resolved' ? outcome.resolution : resolved);
  }

  private async store({ asked, hand }: Waiting, resolved: Omit<Resolution, 'answerId'>) {
    const { controls, sessionId, fence } = this.deps;
    const { requestId, name } = asked;
    return controls.resolve(sessionId, { requestId, name, seq: hand.seq }, resolved, fence);
  }

  private settle(entry: Waiting, { by, answer }: Omit<Resolution, 'answerId'>): void {
    const { agent, asked } = entry;
    if (this.waiting.get(asked.requestId) !== entry) return;
    this.forget(entry);
    this.deps.log.info({ tool: asked.name, by, decision: answer?.decision }, 'permission request resolved');
    if (answer !== undefined) agent.answer(asked.requestId, toAgent(answer, asked));
  }

  private forget(entry: Waiting): void {
    this.waiting.delete(entry.asked.requestId);
    if (entry.timer === undefined) return;
    clearTimeout(entry.timer);
    entry.hand.isAnswered();
  }

  /** Whether anybody reads the session's events. */
  private async isWatched(): Promise<boolean> {
    const { redis, keys } = this.deps.controls.store;
    const [, readers] = (await redis.pubsub('NUMSUB', keys.presenceChannel(this.deps.sessionId))) as [string, number];
    return Number(readers) > 0;
  }

  private inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.deps.log.warn({ err: error }, 'a permission request could not be resolved'));
  }
}

/** What the agent asks came as JSON, so it goes as JSON. */
const requestOf = (asked: Asked, seq: number): Omit<PermissionRequest, 'expiresAt'> => ({
  requestId: asked.requestId,
  seq,
  toolUseId: asked.toolUseId,
  name: asked.name,
  input: asked.input as PermissionRequest['input'],
  suggestions: asked.suggestions as PermissionRequest['suggestions'],
});

function toAgent(answer: PermissionAnswer, { suggestions }: Asked): Answer {
  if (answer.decision === 'deny') {
    return { allow: false, message: answer.message ?? denied, endTurn: answer.endTurn ?? false };
  }
  const remember = answer.suggestions?.map((at) => suggestions[at]).filter((suggestion) => suggestion !== undefined);
  return {
    allow: true,
    ...(answer.input === undefined ? {} : { input: answer.input }),
    ...(remember === undefined ? {} : { remember }),
  };
}
