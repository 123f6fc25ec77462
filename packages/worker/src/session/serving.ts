import type { Claim, ControlRequests, HeadTurn, Logger, SessionStore, Warmth } from '@hearth/shared';
import { expiredError, SessionWriter, stoppedError, toErrorBody } from '@hearth/shared';
import type { Agent, AgentExit, AgentResult, RawListener } from '../agent/driver.js';
import type { Slot } from '../pool/slots.js';
import type { ClockTimes } from './clocks.js';
import { Commits, type Committed } from './commits.js';
import * as endings from './endings.js';
import type { AgentLimits } from './limits.js';
import { withNote } from './note.js';
import { Outbox } from './outbox.js';
import { PermissionDesk, type PermissionPolicy } from './permission-desk.js';
import { RunningTurn } from './running-turn.js';
import { SessionAgent } from './session-agent.js';

export interface ServingDeps {
  store: SessionStore;
  controls: ControlRequests;
  workerId: string;
  /** The folder the session's agents work in. */
  workspace: string;
  limits: AgentLimits;
  policy: PermissionPolicy & ClockTimes;
  /** An agent without a past, from the pool. @throws HearthError */
  obtainAgent(slot: Slot): Promise<{ agent: Agent; warmth: Warmth }>;
  /**
   * An agent that goes on from the session's transcript, so many damaged lines of which were cut off; undefined: nothing was said in
   * that conversation yet. @throws HearthError
   */
  resumeAgent(claudeSessionId: string, chunks: number): Promise<{ agent: Agent; cutLines: number } | undefined>;
  /** Whether another worker could start an agent for this turn where we cannot. */
  othersCanServe(seq: number): Promise<boolean>;
}

/** What the actor is told. */
export interface ServingListener {
  /** A write was refused: the session is not ours any more; or it failed: then its lock may still name us. */
  onLost(why: 'fenced' | 'failed'): void;
  /** The agent ended although no prompt was in its hands. */
  onIdleExit(): void;
  /** Whether the session stays here after the running turn. */
  stays(): boolean;
}

/** What a look at one turn came to. `elsewhere`: another worker can serve it, we cannot. */
export type Served = Committed | { kind: 'elsewhere' };

const again: Served = { kind: 'again' };
const lost: Served = { kind: 'lost' };

/**
 * Has an owned session's turns answered by its agent. Owns the session's writes and its agent.
 *
 * V1 Nothing reaches the agent before its begin is recorded; nothing is committed before what the agent said is written.
 * V2 A lost agent is not an ending of its turn: the turn stays at the head and the next look at it decides (P7) – but one that was to
 *    stop has stopped.
 */
export class Serving {
  private readonly writer: SessionWriter;
  private readonly outbox: Outbox;
  private readonly agent: SessionAgent;
  private readonly desk: PermissionDesk;
  private readonly commits: Commits;
  private isLost = false;
  private isAbandoned = false;
  private lastBegun: number | undefined;
  /** Lines of the past that were lost, until the session's readers are told. */
  private cutLines = 0;

  constructor(
    private readonly sessionId: string,
    private readonly claim: Claim,
    private readonly slot: Slot,
    private readonly deps: ServingDeps,
    private readonly listener: ServingListener,
    private readonly log: Logger,
  ) {
    const { store, controls, policy, workerId, workspace } = deps;
    this.writer = new SessionWriter(store, sessionId, claim);
    this.outbox = new Outbox(this.writer, claim.transcriptChunks, (failure) => {
      if (failure.kind === 'error') log.error({ err: failure.error }, 'a write to the session store failed');
      listener.onLost(failure.kind === 'error' ? 'failed' : 'fenced');
    });
    this.desk = new PermissionDesk({ sessionId, fence: claim.fence, controls, outbox: this.outbox, policy, log });
    this.agent = new SessionAgent({
      workspace,
      newAgent: () => this.newAgent(),
      outbox: this.outbox,
      desk: this.desk,
      clocks: policy,
      onIdleExit: (pid, exit) => {
        log.warn({ pid, ...exit }, 'an idle agent ended by itself; its session is released');
        listener.onIdleExit();
      },
      log,
    });
    this.commits = new Commits(claim, {
      workerId,
      outbox: this.outbox,
      onPut: (seq) => this.agent.closeTurn(seq),
      log,
    });
  }

  /** Serves the turn at the head of the log. */
  async serve(turn: HeadTurn): Promise<Served> {
    const refusal = endings.refusalOf(turn, this.deps.store.limits.attemptsAllowed, this.agent.lastExit);
    if (refusal !== undefined) return this.commits.unserved(turn, refusal.error, refusal.note);
    if (this.agent.isSpent(this.deps.limits)) await this.recycle();

    const met = await this.agent.meet();
    if (this.isLost) return this.leave();
    // The worker began to drain, or the session to be closed, while its agent was met: the turn is left as it is.
    if (!this.listener.stays()) return again;
    if (met.kind === 'met') return this.serveWith(met.agent, met.warmth, turn);
    if (!(await this.deps.othersCanServe(turn.seq))) return this.commits.unserved(turn, met.error);
    return { kind: 'elsewhere' };
  }

  /** Has the agent there before any prompt, and says so in the session's stream. */
  async warm(): Promise<void> {
    const { workerId } = this.deps;
    const met = await this.agent.meet();
    if (this.isLost) return void (await this.leave());
    if (met.kind === 'failed') this.outbox.event({ type: 'session.warm_failed', error: toErrorBody(met.error) });
    else this.outbox.event({ type: 'session.warmed', workerId, pid: met.agent.pid, warmth: met.warmth });
    await this.outbox.flush();
  }

  /** The agent that is there. */
  get presentAgent(): SessionAgent['present'] {
    return this.agent.present;
  }

  /** The turn that was begun here last. */
  get begunSeq(): number | undefined {
    return this.lastBegun;
  }

  /** A turn is to stop, now or when it begins. */
  stop(seq: number): void {
    this.agent.stop(seq, stoppedError());
  }

  /** A permission request was answered. */
  async answered(requestId: string): Promise<void> {
    await this.desk.answered(requestId);
  }

  /** Looks for controls whose calls were lost (P13). */
  async rereadControlRequests(seq: number): Promise<void> {
    const isKnown = this.agent.stopReason(seq) !== undefined;
    if (!isKnown && (await this.deps.controls.isToStop(this.sessionId, seq))) this.stop(seq);
    await this.desk.reread();
  }

  watch(listener: RawListener | undefined): void {
    this.agent.watch(listener);
  }

  /** The agent with that pid holds so many bytes, with all it started. True: another should go on. */
  noteMemory(pid: number, bytes: number): boolean {
    return this.agent.noteMemory(pid, bytes, this.deps.limits);
  }

  /** Ends the agent, and resolves when what it said is written. */
  async end(how: 'ask' | 'now'): Promise<void> {
    await this.agent.end(how);
    await this.outbox.flush();
  }

  /** Ends the agent at once, whatever it does. */
  async endNow(): Promise<void> {
    await this.agent.end('now');
  }

  /** Gives the running turn up: its agent is asked to stop it, then ended; the turn stays in the log, for the next owner (P7). */
  async abandon(): Promise<void> {
    this.isAbandoned = true;
    await this.agent.abandon();
  }

  /** Gives the lock back: when the log is empty (`idle`), or with what is left in it. The agent has ended before. */
  release(mode: 'idle' | 'drain'): ReturnType<SessionWriter['release']> {
    return this.writer.release(mode);
  }

  /** The session is lost: ends the agent and refuses what it says until it is gone. */
  async refuse(): Promise<void> {
    this.isLost = true;
    this.outbox.close();
    const unwritten = await this.agent.refuse();
    const refusedWrites = this.writer.refusedWrites + this.outbox.refusedEntries + unwritten;
    if (refusedWrites === 0) return;
    this.log.warn({ refusedWrites, fence: this.claim.fence }, 'writes were refused: the session is not ours any more');
  }

  /** Lost while its agent was met: one that came too late must not stay. */
  private async leave(): Promise<Served> {
    await this.agent.end('now');
    return lost;
  }

  private async serveWith(agent: Agent, warmth: Warmth, turn: HeadTurn): Promise<Served> {
    const { seq, turnId } = turn;
    const { workerId } = this.deps;
    const { pid } = agent;
    const attempt = turn.attempts + 1;
    const log = this.log.child({ seq, turnId, pid });
    if (attempt > 1) {
      const reason = 'the agent or the worker that served it was lost';
      this.outbox.event({ type: 'turn.restarted', seq, turnId, reason });
    }
    const begun = await this.outbox.begin(seq, { type: 'turn.started', seq, turnId, attempt, workerId, pid, warmth });
    switch (begun.kind) {
      case 'fenced':
        return lost;
      case 'not_head':
        // Withdrawn while its agent was met, or another went ahead: the next look at the log knows.
        return again;
      case 'expired':
        return this.commits.unserved(turn, expiredError(turnId));
      case 'interrupted':
        return this.commits.unserved(turn, stoppedError());
      case 'exhausted':
        return this.commits.unserved(turn, endings.crashed(turn, this.agent.lastExit));
      case 'ok':
    }
    const hand = new RunningTurn(turn, attempt, { workerId, pid, warmth });
    this.lastBegun = seq;
    hand.begun(begun.queuedMs);
    log.info({ attempt, warmth, queuedMs: begun.queuedMs }, 'turn started');
    if (this.cutLines > 0)
      this.outbox.event({ type: 'status', seq, status: `past damaged: ${this.cutLines} lines cut` });
    this.cutLines = 0;
    const ending = await this.agent.exchange(hand, agent, withNote(turn.request.prompt, this.commits.owedNote));
    switch (ending.kind) {
      case 'answered':
        // Stopped for no reason but that; what a clock or a control request has stopped is over.
        if (this.isAbandoned && ending.answer.stopped && this.agent.stopReason(seq) === undefined) return again;
        return this.commitAnswered(hand, ending.answer.claudeSessionId ?? agent.claudeSessionId, ending.answer, log);
      case 'agent_gone':
        return this.agentGone(hand, agent.claudeSessionId, ending.exit, log);
      case 'fenced':
        return lost;
    }
  }

  private async agentGone(hand: RunningTurn, claudeSessionId: string, exit: AgentExit, log: Logger): Promise<Served> {
    if (this.listener.stays()) log.warn(exit, 'the agent was lost in mid-turn');
    await this.outbox.flush();
    const why = this.agent.stopReason(hand.seq);
    return why === undefined ? again : this.commits.stopped(hand, why, claudeSessionId);
  }

  private async newAgent(): Promise<{ agent: Agent; warmth: Warmth }> {
    // The agent before may have said its last lines just now: they are part of the past.
    await this.outbox.flush();
    const chunks = this.outbox.settledChunks;
    const { claudeSessionId } = this.commits;
    if (claudeSessionId === undefined || chunks === 0) return this.deps.obtainAgent(this.slot);
    // A spare cannot take a past: it makes room for the agent that can.
    const unused = this.slot.spare;
    this.slot.spare = undefined;
    await unused?.end('now');
    const resumed = await this.deps.resumeAgent(claudeSessionId, chunks);
    if (resumed === undefined) return this.deps.obtainAgent(this.slot);
    this.cutLines = resumed.cutLines;
    return { agent: resumed.agent, warmth: 'resumed' };
  }

  private async commitAnswered(
    hand: RunningTurn,
    claudeSessionId: string,
    answer: AgentResult,
    log: Logger,
  ): Promise<Served> {
    const durable = await this.agent.isInTranscript(answer);
    if (!durable) log.warn('the transcript did not contain the final message in time; committing as not durable');
    const error = endings.failureOf(answer, this.agent.stopReason(hand.seq));
    const served = await this.commits.answered(hand, answer, { error, durable, claudeSessionId });
    if (!durable) await this.agent.end('ask');
    else if (this.agent.isSpent(this.deps.limits)) await this.recycle();
    return served;
  }

  /** Replaces the agent by one that resumes, so that the next turn finds it there. */
  private async recycle(): Promise<void> {
    this.log.info('the agent has served long enough; another resumes');
    await this.agent.end('ask');
    if (!this.isLost && this.listener.stays() && !this.claim.once) await this.agent.meet();
    if (this.isLost) await this.agent.end('now');
  }
}
