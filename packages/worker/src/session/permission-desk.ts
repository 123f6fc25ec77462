import type { PermissionAnswer, PermissionRequest } from '@hearth/shared';
import type { ControlRequests, Logger, Resolution } from '@hearth/shared/internal';
import type { Agent, AgentEvent, Answer } from '../agent/driver.js';
import type { Outbox } from './outbox.js';
import { movedAway } from './ownership.js';
import type { RunningTurn } from './running-turn.js';

/** What a profile says about permission requests without an answer. */
interface PermissionPolicy {
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
  running: RunningTurn;
  asked: Asked;
  /** Undefined until the request is stored. */
  timer: NodeJS.Timeout | undefined;
}

/** A denial at the deadline that Redis did not take is repeated after this, ms. */
const denyAgainMs = 1_000;

const noAnswer = 'Hearth: this permission request got no answer in time.';
const unwatched =
  'Hearth: no one is watching who could give this permission. The profile can allow the tool in advance.';
const denied = 'The user does not want this tool to run.';

/**
 * The permission requests of the running turn: stores and publishes them, and delivers the first answer to the agent. Owns those that
 * wait, and their deadlines.
 *
 * D1 The store decides. An answer from elsewhere, a deadline and a withdrawal meet there, and the first one wins.
 * D2 An answer whose pub/sub message was lost is found when the store is read again.
 * D3 A request that the store does not know any more (Redis lost it, or the session) ends at its deadline all the same. The agent
 *    continues, and its next write tells whether this worker still owns the session.
 */
export class PermissionDesk {
  private readonly waiting = new Map<string, Waiting>();

  constructor(private readonly deps: PermissionDeskDeps) {}

  /** Stores and publishes a request of the agent. */
  ask(agent: Agent, asked: Asked, running: RunningTurn): void {
    this.inBackground(this.deliver(agent, asked, running));
  }

  /** Reads the answer of a request and delivers it to the agent. */
  async answered(requestId: string): Promise<void> {
    const entry = this.waiting.get(requestId);
    if (entry === undefined) return;
    const resolution = await this.deps.controls.resolution(this.deps.sessionId, requestId);
    if (resolution !== undefined) this.settle(entry, resolution);
  }

  /** Reads the answers of all waiting requests, in case their pub/sub messages were lost. */
  async reread(): Promise<void> {
    for (const requestId of this.waiting.keys()) await this.answered(requestId);
  }

  /** The agent withdrew a request. */
  withdrawn(requestId: string): void {
    const entry = this.waiting.get(requestId);
    if (entry === undefined) return;
    const wasStored = entry.timer !== undefined;
    this.forget(entry);
    if (wasStored) this.inBackground(this.store(entry, { by: 'agent' }));
  }

  /** Forgets all requests, because their exchange is over. */
  clear(): void {
    for (const entry of this.waiting.values()) this.forget(entry);
  }

  private async deliver(agent: Agent, asked: Asked, running: RunningTurn): Promise<void> {
    const { requestId } = asked;
    const entry: Waiting = { agent, running, asked, timer: undefined };
    this.waiting.set(requestId, entry);
    const { permissionDeadlineMs, permissionUnwatched } = this.deps.policy;
    // Readers are counted before the request is published, because a reader may leave as soon as it has the request.
    const [isWatched, stored] = await Promise.all([
      permissionUnwatched === 'wait' || this.isWatched(),
      this.deps.outbox.askPermission({
        request: requestOf(asked, running.seq),
        deadlineMs: permissionDeadlineMs,
        parentToolUseId: asked.parentToolUseId,
      }),
    ]);
    if (stored.kind !== 'ok') {
      if (this.waiting.delete(requestId)) agent.answer(requestId, { allow: false, message: movedAway });
      return;
    }
    // The agent withdrew the request while it was being stored.
    if (this.waiting.get(requestId) !== entry) return void (await this.store(entry, { by: 'agent' }));
    running.permissionAsked();
    this.arm(entry, permissionDeadlineMs);
    if (!isWatched) this.denyUnwatched(entry);
  }

  /** Denies at the deadline, and repeats that until the store takes it, because the agent and the turn's clocks wait for it. */
  private arm(entry: Waiting, inMs: number): void {
    entry.timer = setTimeout(() => {
      this.inBackground(
        this.resolve(entry, { by: 'deadline', answer: { decision: 'deny', message: noAnswer } }).catch((error) => {
          if (this.waiting.get(entry.asked.requestId) === entry) this.arm(entry, denyAgainMs);
          throw error;
        }),
      );
    }, inMs);
  }

  private denyUnwatched(entry: Waiting): void {
    this.inBackground(this.resolve(entry, { by: 'unwatched', answer: { decision: 'deny', message: unwatched } }));
  }

  private async resolve(entry: Waiting, resolved: Omit<Resolution, 'answerId'>): Promise<void> {
    const outcome = await this.store(entry, resolved);
    this.settle(entry, outcome.kind === 'resolved' ? outcome.resolution : resolved);
  }

  private async store({ asked, running }: Waiting, resolved: Omit<Resolution, 'answerId'>) {
    const { controls, sessionId, fence } = this.deps;
    const { requestId, name } = asked;
    return controls.resolve(sessionId, { requestId, name, seq: running.seq }, resolved, fence);
  }

  private settle(entry: Waiting, { by, answer }: Omit<Resolution, 'answerId'>): void {
    const { agent, asked } = entry;
    if (this.waiting.get(asked.requestId) !== entry) return;
    this.forget(entry);
    const fields = { tool: asked.name, by, decision: answer?.decision };
    this.deps.log.info({ event: 'permission.resolved', ...fields }, 'permission request resolved');
    if (answer !== undefined) agent.answer(asked.requestId, toAgent(answer, asked));
  }

  private forget(entry: Waiting): void {
    this.waiting.delete(entry.asked.requestId);
    if (entry.timer === undefined) return;
    clearTimeout(entry.timer);
    entry.running.permissionResolved();
  }

  /** Whether a process reads the session's events. */
  private async isWatched(): Promise<boolean> {
    const { redis, keys } = this.deps.controls.store;
    const [, readers] = (await redis.pubsub('NUMSUB', keys.session(this.deps.sessionId).presence)) as [string, number];
    return Number(readers) > 0;
  }

  private inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) =>
      this.deps.log.warn({ event: 'permission.failed', err: error }, 'could not resolve a permission request'),
    );
  }
}

/** The request as callers see it. The agent's fields came as JSON, so the casts hold. */
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
