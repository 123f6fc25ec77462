import { randomUUID } from 'node:crypto';
import {
  type AgentRecord,
  type Claim,
  type ControlRequests,
  formatRing,
  type Logger,
  newRingId,
  type Profile,
  promptPreview,
  type Ring,
  type Ringer,
  readTranscript,
  type SessionEndings,
  type SessionStore,
  type SessionWriter,
} from '@hearth/shared';
import type { AgentDriver, Launch } from '../agent/driver.js';
import { startFailure } from '../agent/start-failure.js';
import type { Fleet } from '../fleet.js';
import type { Slot, Slots } from '../pool/slots.js';
import type { SparePool } from '../pool/spare-pool.js';
import { SessionActor } from './actor.js';
import { conversationOf } from './conversation.js';
import type { AgentLimits } from './limits.js';
import { repairTranscript } from './mend.js';
import { removeWorkspace, workspaceOf } from './workspaces.js';

export interface SessionsDeps {
  workerId: string;
  store: SessionStore;
  controls: ControlRequests;
  ringer: Ringer;
  fleet: Fleet;
  driver: AgentDriver;
  slots: () => Slots;
  pools: ReadonlyMap<string, SparePool>;
  profiles: Readonly<Record<string, Profile>>;
  launch: (profile: Profile) => Launch;
  workspaces: string;
  limits: AgentLimits;
  /** What an agent held when it was measured last, with all it started, bytes. */
  memoryOf: (pid: number) => number | undefined;
  endings: SessionEndings;
  /** Gives a lock back that names us though nobody here serves its session. */
  letGo: (sessionId: string) => Promise<void>;
  log: Logger;
}

/** So many turns that were left to others are remembered. */
const leftToOthersAtMost = 1_000;

/** Raw lines are cut to so many characters before they are shown. */
const rawLineAtMost = 100_000;

/** What becomes of the sessions: they are served, handed over, or (the lease is lost) dropped. */
type Fate = 'serve' | 'hand_over' | 'drop';

/**
 * The sessions this worker owns. Owns their actors.
 *
 * O1 A session whose claim was under way when the worker began to drain, or lost its lease, has the fate of all others.
 */
export class Sessions {
  private readonly actors = new Map<string, SessionActor>();
  /** Turns that were left to others, since no agent could be met here: the seq, by session. */
  private readonly leftToOthers = new Map<string, number>();
  private fate: Fate = 'serve';
  /** Turns that were begun here and are not over: their sessions were handed over, since the worker drains. */
  private cutOff = 0;

  constructor(private readonly deps: SessionsDeps) {}

  find(sessionId: string): SessionActor | undefined {
    return this.actors.get(sessionId);
  }
  idle(): (SessionActor & { idleSince: number })[] {
    return [...this.actors.values()].filter(
      (actor): actor is SessionActor & { idleSince: number } => actor.idleSince !== undefined,
    );
  }
  counts(): { busy: number; idle: number } {
    const idle = this.idle().length;
    return { busy: this.actors.size - idle, idle };
  }

  /** The agents that are there, for the worker record. */
  agents(): AgentRecord[] {
    return [...this.actors.values()].flatMap(({ sessionId, presentAgent }) => {
      if (presentAgent === undefined) return [];
      const rssBytes = this.deps.memoryOf(presentAgent.pid);
      return [{ sessionId, ...presentAgent, ...(rssBytes === undefined ? {} : { rssBytes }) }];
    });
  }

  /** An agent was measured, with all it started. */
  noteMemory(pid: number, bytes: number): void {
    for (const actor of this.actors.values()) if (actor.presentAgent?.pid === pid) actor.noteMemory(pid, bytes);
  }

  /** Starts the actor of a session that was just claimed. */
  open(sessionId: string, claim: Claim, slot: Slot): void {
    const { deps } = this;
    const profile = deps.profiles[claim.profile];
    const pool = deps.pools.get(claim.profile);
    if (profile === undefined || pool === undefined)
      throw new TypeError(`session ${sessionId} was claimed without its profile ${claim.profile}`);
    const workspace = workspaceOf(deps.workspaces, profile, sessionId, claim.incarnation);
    const actor = new SessionActor(sessionId, claim, slot, {
      store: deps.store,
      controls: deps.controls,
      policy: profile,
      workerId: deps.workerId,
      workspace,
      limits: deps.limits,
      obtainAgent: async (held) => {
        const promised = held.spare;
        held.spare = undefined;
        if (promised !== undefined) return { agent: promised, warmth: 'spare' };
        const { agent, ready } = await pool.obtain();
        return { agent, warmth: ready ? 'spare' : 'cold' };
      },
      resumeAgent: async (claudeSessionId, chunks) => {
        const past = conversationOf(await readTranscript(deps.store, sessionId, chunks), claudeSessionId);
        if (past === undefined) return undefined;
        const { files, cut } = repairTranscript(past);
        if (cut > 0) deps.log.error({ sessionId, lines: cut }, 'the transcript was damaged; its tail was cut off');
        try {
          const agent = await deps.driver.resume(deps.launch(profile), workspace, { claudeSessionId, files });
          pool.noteSuccess();
          return { agent, cutLines: cut };
        } catch (error) {
          pool.noteFailure(startFailure(error));
          throw error;
        }
      },
      othersWait: async () => deps.slots().outlook() === 'full' && (await deps.ringer.othersWaitInIntake(sessionId)),
      discard: () => this.discard(sessionId, claim),
      showRaw: (way, line) => this.showRaw(sessionId, way, line),
      othersCanServe: (seq) => this.othersCanServe(sessionId, seq, claim.profile),
      handOver: (release, begunSeq) => this.handOver(sessionId, claim.profile, release, begunSeq),
      letGo: () => deps.letGo(sessionId),
      onOver: () => {
        this.actors.delete(sessionId);
        deps.slots().leave(slot);
      },
      log: deps.log,
    });
    this.actors.set(sessionId, actor);
    deps.log.info({ sessionId, fence: claim.fence }, 'session claimed');
    if (this.fate === 'drop') return void actor.fencedOut();
    if (this.fate === 'hand_over') void actor.drain();
    actor.start();
  }

  /** Looks for controls whose calls were lost (P13): those are late, not lost. */
  async rereadControlRequests(): Promise<void> {
    await Promise.all([...this.actors.values()].map((actor) => actor.rereadControlRequests()));
  }

  /** Finishes what runs, hands every session over; those not done by `deadline` are abandoned. Tells how many turns were cut off. */
  async drain(deadline: Promise<void>): Promise<{ abandoned: number }> {
    this.fate = 'hand_over';
    const draining = [...this.actors.values()].map((actor) => actor.drain());
    const all = Promise.all(draining).then(() => 'drained' as const);
    if ((await Promise.race([all, deadline])) !== 'drained')
      await Promise.all([...this.actors.values()].map((actor) => actor.abandon()));
    return { abandoned: this.cutOff };
  }

  /** The lease is lost: nothing can be written any more, so everything is dropped. */
  async drop(): Promise<void> {
    this.fate = 'drop';
    await Promise.all([...this.actors.values()].map((actor) => actor.fencedOut()));
  }

  /** Files of a session go by its incarnation; those on other workers when these read the note. */
  private async discard(sessionId: string, { incarnation, once }: Claim): Promise<void> {
    if (once) await this.deps.endings.noteClosed(sessionId, incarnation);
    await removeWorkspace(this.deps.workspaces, sessionId, incarnation);
  }

  /** Once each: a turn that comes back finds no agent anywhere. */
  private async othersCanServe(sessionId: string, seq: number, profile: string): Promise<boolean> {
    if (this.leftToOthers.get(sessionId) === seq || !(await this.deps.fleet.othersHave(profile, 'healthy')))
      return false;
    this.leftToOthers.delete(sessionId);
    this.leftToOthers.set(sessionId, seq);
    const [oldest] = this.leftToOthers.keys();
    if (this.leftToOthers.size > leftToOthersAtMost && oldest !== undefined) this.leftToOthers.delete(oldest);
    return true;
  }

  private showRaw(sessionId: string, way: 'in' | 'out' | 'err', line: string): void {
    const { redis, keys } = this.deps.store;
    redis.publish(keys.rawChannel(sessionId), `${way} ${line.slice(0, rawLineAtMost)}`).catch(() => undefined);
  }

  private async handOver(
    sessionId: string,
    profile: string,
    release: () => ReturnType<SessionWriter['release']>,
    begunSeq: number | undefined,
  ): Promise<void> {
    const released = await release();
    if (released.kind !== 'ok') return;
    this.deps.log.info({ sessionId, turnsLeft: released.left.length }, 'session handed over');
    if (this.fate === 'hand_over' && released.left.some(({ seq }) => seq === begunSeq)) this.cutOff += 1;
    for (const { seq, ring } of released.left) await this.ringToIntake(sessionId, profile, seq, ring);
  }

  /** Rings a turn to intake; `seen` is its last ring. */
  async ringToIntake(sessionId: string, profile: string, seq: number, seen: Ring): Promise<void> {
    await ringAt(
      { store: this.deps.store, ringer: this.deps.ringer, log: this.deps.log },
      { sessionId, profile, seq },
      seen,
      'intake',
    );
  }
}

/** Rings a turn again, if `seen` is still its last ring. */
export async function ringAt(
  deps: { store: SessionStore; ringer: Ringer; log: Logger },
  of: { sessionId: string; seq: number; profile?: string },
  seen: Ring,
  queue: number | 'intake',
): Promise<boolean> {
  const next = { queue, jobId: newRingId() };
  const turn = await deps.store.ring(of.sessionId, of.seq, seen, next);
  if (turn === undefined) return false;
  await deps.ringer.ring(
    next,
    {
      sessionId: of.sessionId,
      turnId: turn.turnId,
      seq: of.seq,
      profile: turn.profile,
      preview: promptPreview(turn.request.prompt),
    },
    turn.request.priority,
  );
  deps.log.info(
    { sessionId: of.sessionId, seq: of.seq, ring: formatRing(next), before: formatRing(seen) },
    'turn rung again',
  );
  return true;
}

export const newAgentId = (): string => `a-${randomUUID()}`;
