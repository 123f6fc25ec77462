import type { Claim, HeadTurn, HearthError, Logger, SessionStore, TurnResult, Warmth } from '@hearth/shared';
import { expiredError, SessionWriter, toErrorBody } from '@hearth/shared';
import type { Agent, AgentResult } from '../agent/driver.js';
import type { Place } from '../pool/places.js';
import * as endings from './endings.js';
import type { AgentLimits } from './limits.js';
import { withNote } from './note.js';
import { type CommitEntry, Outbox } from './outbox.js';
import { SessionAgent } from './session-agent.js';
import { TurnInHand } from './turn-in-hand.js';
import { type Settled, WaitingDoorbells } from './waiting-doorbells.js';

export interface ActorDeps {
  store: SessionStore;
  workerId: string;
  /** The folder the session's agents work in. */
  workspace: string;
  limits: AgentLimits;
  /** An agent without a past, from the pool. @throws HearthError */
  obtainAgent(place: Place): Promise<{ agent: Agent; warmth: Warmth }>;
  /** An agent that goes on from the session's transcript. @throws HearthError */
  resumeAgent(claudeSessionId: string, chunks: number): Promise<Agent>;
  /** Whether another worker could start an agent for this session where we cannot. */
  othersCanServe(): Promise<boolean>;
  /** Whether turns of other sessions wait for a place that this session could give up. */
  othersWait(): Promise<boolean>;
  /** The session is over for good: removes its files here. */
  discard(): Promise<void>;
  /** Shows a raw line to whoever watches the session. */
  showRaw(way: 'in' | 'out' | 'err', line: string): void;
  /** Releases the lock and rings what is left to intake. */
  handOver(writer: SessionWriter): Promise<void>;
  /** The actor is over: its place is free. */
  onOver(): void;
  log: Logger;
}

type Phase =
  | { kind: 'idle'; since: number }
  | { kind: 'serving'; seq: number }
  | { kind: 'releasing'; done: Promise<boolean> }
  /** The session is lost; its agent is being ended. */
  | { kind: 'fencing'; done: Promise<void> }
  | { kind: 'over' };

/** Raw lines are shown for so long after somebody asked for them, ms; who watches asks again in time. */
const watchedForMs = 15_000;

/**
 * One owned session: reads its log in order and has its agent answer, one turn at a time. Owns the session's phase and what
 * its next prompt and resume need.
 *
 * R1 One turn is in hand at a time, whichever doorbell came first (P2).
 * R2 Nothing reaches the agent before its begin is recorded; nothing is committed before what the agent said is written.
 * R3 The lock is released only after the agent and all it started have ended.
 * R4 A lost agent is not an ending of its turn: the turn stays at the head and the next look at it decides (P7).
 */
export class SessionActor {
  private readonly writer: SessionWriter;
  private readonly outbox: Outbox;
  private readonly agent: SessionAgent;
  private readonly doorbells = new WaitingDoorbells();
  private readonly log: Logger;
  private phase: Phase = { kind: 'idle', since: performance.now() };
  private claudeSessionId: string | undefined;
  private note: string;
  private rung = true;
  private draining = false;
  private closing = false;
  private turnsInARow = 0;
  private watched: NodeJS.Timeout | undefined;
  private wakeUp: (() => void) | undefined;
  private resolveOver: () => void = () => undefined;
  private readonly over = new Promise<void>((resolve) => {
    this.resolveOver = resolve;
  });

  constructor(
    readonly sessionId: string,
    private readonly claim: Claim,
    private readonly place: Place,
    private readonly deps: ActorDeps,
  ) {
    this.log = deps.log.child({ sessionId });
    this.writer = new SessionWriter(deps.store, sessionId, claim);
    this.outbox = new Outbox(this.writer, claim.transcriptChunks, (failure) => this.onWriteFailure(failure));
    this.agent = new SessionAgent({
      workspace: deps.workspace,
      newAgent: () => this.newAgent(),
      outbox: this.outbox,
      onIdleExit: (pid, exit) => {
        this.log.warn({ pid, ...exit }, 'an idle agent ended by itself; its session is released');
        void this.evict();
      },
      log: this.log,
    });
    this.claudeSessionId = claim.claudeSessionId;
    this.note = claim.note;
  }

  /** performance.now() since when it is idle; undefined while it is not. */
  get idleSince(): number | undefined {
    return this.phase.kind === 'idle' && !this.rung ? this.phase.since : undefined;
  }

  start(): void {
    void this.run();
  }

  /** A doorbell: resolves when its turn is committed, or the session is no longer ours. */
  ring(seq: number): Promise<Settled> {
    if (this.phase.kind === 'over') return Promise.resolve({ kind: 'moved' });
    const settled = this.doorbells.wait(seq);
    this.wake();
    return settled;
  }

  /** Looks at the log again. */
  wake(): void {
    this.rung = true;
    this.wakeUp?.();
  }

  /** Ends the agent and releases an idle session; false when it is busy. */
  async evict(): Promise<boolean> {
    if (this.phase.kind === 'releasing') return this.phase.done;
    if (this.idleSince === undefined) return false;
    const done = this.releaseIdle();
    this.phase = { kind: 'releasing', done };
    return done;
  }

  /** Lets the turn in hand finish, then hands the session over. Resolves when the session is not ours any more. */
  async drain(): Promise<void> {
    this.draining = true;
    this.wake();
    await this.over;
  }

  /** Drops everything at once: the agent is ended, the turn in hand stays in the log and goes to the next owner. */
  async abandon(): Promise<void> {
    this.draining = true;
    await this.agent.end('now');
    this.wake();
    await this.over;
  }

  /** The session is being closed: ends the agent at once and lets go; what waits is withdrawn by whoever closes it. */
  close(): void {
    this.closing = true;
    void this.agent.end('now');
    this.wake();
  }

  /** A turn that waited was given its result by somebody else: its doorbells end. */
  async withdrawn(seq: number): Promise<void> {
    const result = (await this.deps.store.turn(this.sessionId, seq))?.result;
    if (result !== undefined) this.doorbells.settle(seq, { kind: 'committed', result });
  }

  /** Shows the raw lines of the session's agents, for a while. */
  watch(): void {
    clearTimeout(this.watched);
    this.agent.watch((way, line) => this.deps.showRaw(way, line));
    this.watched = setTimeout(() => this.agent.watch(undefined), watchedForMs);
    this.watched.unref();
  }

  /** The session is not ours any more: ends the agent; what it says until it is gone is refused, and counted in the log. */
  async fencedOut(): Promise<void> {
    if (this.phase.kind === 'over') return;
    if (this.phase.kind !== 'fencing') this.phase = { kind: 'fencing', done: this.fence() };
    await this.phase.done;
  }

  private async run(): Promise<void> {
    try {
      for (let goesOn = true; goesOn; ) goesOn = await this.step();
    } catch (error) {
      this.log.error({ err: error }, 'the session failed on this worker; handing it over');
      await this.handOver('now').catch((cause: unknown) =>
        this.log.error({ err: cause }, 'the session could not be handed over'),
      );
      this.finish();
    }
  }

  /** One look at the log. False: the session is not ours any more. */
  private async step(): Promise<boolean> {
    if (this.isLost()) return false;
    if (this.draining) {
      await this.handOver('ask');
      return false;
    }
    this.rung = false;
    const turn = await this.deps.store.head(this.sessionId);
    if (turn === 'closing') {
      await this.letGo();
      return false;
    }
    if (turn !== undefined && (await this.shouldYield())) {
      this.log.info({ turnsInARow: this.turnsInARow }, 'the session gives its place up to those who wait');
      await this.handOver('ask');
      return false;
    }
    await this.doorbells.settleBefore(
      turn?.seq,
      async (seq) => (await this.deps.store.turn(this.sessionId, seq))?.result,
    );
    if (turn === undefined) await this.idle();
    else await this.serve(turn);
    return true;
  }

  /** Another call may have ended the session while this one waited. */
  private isLost(): boolean {
    return this.phase.kind === 'over' || this.phase.kind === 'fencing';
  }

  private async idle(): Promise<void> {
    this.turnsInARow = 0;
    if (this.rung || this.draining || this.isLost()) return;
    if (this.phase.kind !== 'releasing') this.phase = { kind: 'idle', since: performance.now() };
    const { idleTimeoutMs } = this.deps.limits;
    // A session for one turn has no more to come.
    const timeout = setTimeout(() => void this.evict(), this.claim.once ? 0 : idleTimeoutMs);
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
    clearTimeout(timeout);
    this.wakeUp = undefined;
    if (this.phase.kind === 'releasing') await this.phase.done;
  }

  private async serve(turn: HeadTurn): Promise<void> {
    if (this.isLost()) return;
    this.phase = { kind: 'serving', seq: turn.seq };
    const refusal = endings.refusalOf(turn, this.deps.store.limits.attemptsAllowed, this.agent.lastExit);
    if (refusal !== undefined) return this.commitUnserved(turn, refusal.error, refusal.note);
    if (this.agent.isSpent(this.deps.limits)) await this.recycle();

    const met = await this.agent.meet();
    // Lost meanwhile: an agent that came too late must not stay.
    if (this.isLost()) return this.agent.end('now');
    if (met.kind === 'met') return this.serveWith(met.agent, met.warmth, turn);
    if (!(await this.deps.othersCanServe())) return this.commitUnserved(turn, met.error, '');
    this.draining = true;
  }

  private async serveWith(agent: Agent, warmth: Warmth, turn: HeadTurn): Promise<void> {
    const { seq, turnId } = turn;
    const { workerId } = this.deps;
    const { pid, claudeSessionId } = agent;
    const attempt = turn.attempts + 1;
    const log = this.log.child({ seq, turnId, pid });
    if (attempt > 1)
      this.outbox.event({
        type: 'turn.restarted',
        seq,
        turnId,
        reason: 'the agent or the worker that served it was lost',
      });
    await this.outbox.flush();
    const begun = await this.writer.begin(seq, { type: 'turn.started', seq, turnId, attempt, workerId, pid, warmth });
    if (begun.kind === 'fenced') return this.fencedOut();
    // Withdrawn while its agent was met: the next look at the log knows.
    if (begun.kind === 'not_head') return;
    if (begun.kind === 'expired') return this.commitUnserved(turn, expiredError(turnId), '');
    if (begun.kind === 'exhausted') return this.commitUnserved(turn, endings.crashed(turn, this.agent.lastExit), '');
    const hand = new TurnInHand(turn, attempt, { workerId, pid, warmth, claudeSessionId });
    hand.begun(begun.queuedMs);
    log.info({ attempt, warmth, queuedMs: begun.queuedMs }, 'turn started');
    const ending = await this.agent.exchange(hand, agent, withNote(turn.request.prompt, this.note));
    if (ending.kind === 'answered') return this.commitAnswered(hand, claudeSessionId, ending.answer, log);
    if (ending.kind === 'agent_gone' && !this.closing) {
      log.warn(ending.exit, 'the agent was lost in mid-turn');
      await this.outbox.flush();
    }
  }

  private async newAgent(): Promise<{ agent: Agent; warmth: Warmth }> {
    // The agent before may have said its last lines just now: they are part of the past.
    await this.outbox.flush();
    const chunks = this.outbox.settledChunks;
    if (this.claudeSessionId === undefined || chunks === 0) return this.deps.obtainAgent(this.place);
    // A spare cannot take a past: it makes room for the agent that can.
    const unused = this.place.spare;
    this.place.spare = undefined;
    await unused?.end('now');
    return { agent: await this.deps.resumeAgent(this.claudeSessionId, chunks), warmth: 'resumed' };
  }

  private async commitAnswered(
    hand: TurnInHand,
    claudeSessionId: string,
    answer: AgentResult,
    log: Logger,
  ): Promise<void> {
    const durable = await this.agent.isInTranscript(answer);
    if (!durable) log.warn('the transcript did not contain the final message in time; committing as not durable');
    const error = answer.ok ? undefined : endings.agentFailed(answer);
    await this.commit(hand, hand.result(answer, { error, durable }), { transcript: 'keep', note: '', claudeSessionId });
    if (!durable) await this.agent.end('ask');
    else if (this.agent.isSpent(this.deps.limits)) await this.recycle();
  }

  /** Replaces the agent by one that resumes, so that the next turn finds it there. */
  private async recycle(): Promise<void> {
    this.log.info('the agent has served long enough; another resumes');
    await this.agent.end('ask');
    if (!this.isLost() && !this.draining && !this.closing && !this.claim.once) await this.agent.meet();
  }

  private async shouldYield(): Promise<boolean> {
    return this.turnsInARow >= this.deps.limits.yieldAfterTurns && (await this.deps.othersWait());
  }

  private async commitUnserved(turn: HeadTurn, error: HearthError, note: string): Promise<void> {
    const hand = TurnInHand.unserved(turn, this.deps.workerId);
    const result = hand.result(undefined, { error: toErrorBody(error), durable: true });
    // A note that never reached the agent is still owed to the next prompt.
    const owed = [this.note, note].filter(Boolean).join('\n');
    await this.commit(hand, result, { transcript: 'cut', note: owed, claudeSessionId: this.claudeSessionId });
  }

  private async commit(
    hand: TurnInHand,
    result: TurnResult,
    past: Pick<CommitEntry, 'transcript' | 'note' | 'claudeSessionId'>,
  ): Promise<void> {
    const { seq, turn } = hand;
    const { messages } = hand;
    const committing = this.outbox.commit(seq, { result, messages, event: hand.ending(result), ...past });
    this.agent.closeTurn();
    const committed = await committing;
    if (committed.kind === 'fenced') return this.fencedOut();
    if (committed.kind === 'already') return this.withdrawn(seq);
    this.turnsInARow += 1;
    this.claudeSessionId = past.claudeSessionId;
    this.note = past.note;
    const { timings, warmth, toolCount } = result;
    const failure = result.status === 'failed' ? { code: result.error.code, reason: result.error.message } : {};
    this.log.info({ seq, turnId: turn.turnId, warmth, toolCount, ...timings, ...failure }, `turn ${result.status}`);
    this.doorbells.settle(seq, { kind: 'committed', result });
  }

  private onWriteFailure(failure: { kind: 'fenced' } | { kind: 'error'; error: unknown }): void {
    if (failure.kind === 'error') this.log.error({ err: failure.error }, 'a write to the session store failed');
    void this.fencedOut();
  }

  private async fence(): Promise<void> {
    this.outbox.close();
    const unwritten = await this.agent.refuse();
    const refusedWrites = this.writer.refusedWrites + this.outbox.refusedEntries + unwritten;
    if (refusedWrites > 0) {
      this.log.warn(
        { refusedWrites, fence: this.claim.fence },
        'writes were refused: the session is not ours any more',
      );
    }
    this.finish();
  }

  private async releaseIdle(): Promise<boolean> {
    await this.agent.end('ask');
    await this.outbox.flush();
    const outcome = await this.writer.release('idle');
    if (this.isLost()) return true;
    if (outcome.kind === 'not_empty') {
      // A turn was accepted meanwhile: it stays ours and resumes.
      this.phase = { kind: 'idle', since: performance.now() };
      this.wake();
      return false;
    }
    this.log.info('session released');
    if (this.claim.once) await this.deps.discard();
    this.finish();
    return true;
  }

  /** The session is being closed. Its files here go before anybody is told that it is gone. */
  private async letGo(): Promise<void> {
    await this.agent.end('now');
    await this.outbox.flush();
    this.doorbells.settleAll({ kind: 'moved' });
    if (!this.isLost()) {
      await this.deps.discard();
      await this.writer.release('drain');
    }
    this.log.info('session closed');
    this.finish();
  }

  private async handOver(how: 'ask' | 'now'): Promise<void> {
    await this.agent.end(how);
    await this.outbox.flush();
    if (!this.isLost()) await this.deps.handOver(this.writer);
    this.finish();
  }

  private finish(): void {
    if (this.phase.kind === 'over') return;
    this.phase = { kind: 'over' };
    clearTimeout(this.watched);
    this.doorbells.settleAll({ kind: 'moved' });
    this.wakeUp?.();
    this.deps.onOver();
    this.resolveOver();
  }
}
