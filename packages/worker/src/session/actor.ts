import { mkdir } from 'node:fs/promises';
import {
  type Claim,
  type HeadTurn,
  type HearthError,
  type Logger,
  type SessionStore,
  SessionWriter,
  type TurnResult,
  toErrorBody,
  type Warmth,
} from '@hearth/shared';
import type { Agent, AgentEvent, AgentExit, AgentResult } from '../agent/driver.js';
import { startFailure } from '../agent/start-failure.js';
import type { Place } from '../pool/places.js';
import * as endings from './endings.js';
import { withNote } from './note.js';
import { type CommitEntry, Outbox } from './outbox.js';
import { TranscriptWatch } from './transcript-watch.js';
import { TurnInHand } from './turn-in-hand.js';

/** How long a commit waits for the transcript to contain the final message before it is marked not durable, ms. */
const transcriptBoundMs = 2_000;

const movedAway = 'Hearth: this session has moved to another worker.';

/** What became of a doorbell's turn. `moved`: it is served by another owner, or will be. */
export type Settled = { kind: 'committed'; result: TurnResult | undefined } | { kind: 'moved' };

export interface ActorDeps {
  store: SessionStore;
  workerId: string;
  /** The folder the session's agents work in. */
  workspace: string;
  /** An agent without a past, from the pool. @throws HearthError */
  obtainAgent(place: Place): Promise<{ agent: Agent; warmth: Warmth }>;
  /** An agent that goes on from the session's transcript. @throws HearthError */
  resumeAgent(claudeSessionId: string, chunks: number): Promise<Agent>;
  /** Whether another worker could start an agent for this session where we cannot. */
  othersCanServe(): Promise<boolean>;
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
  | { kind: 'over' };

type Ending = { kind: 'answered'; answer: AgentResult } | { kind: 'agent_gone'; exit: AgentExit } | { kind: 'fenced' };

interface InHand {
  hand: TurnInHand;
  end: (ending: Ending) => void;
}

/**
 * One owned session: reads its log in order and has its agent answer, one turn at a time. Owns the session's agent, its
 * writes and its phase.
 *
 * R1 One turn is in hand at a time, whichever doorbell came first (P2).
 * R2 Nothing reaches the agent before its begin is recorded; nothing is committed before what the agent said is written.
 * R3 A tool runs only after `tool.reached` was written under the fence (P7); fenced out, every tool is refused.
 * R4 The lock is released only after the agent and all it started have ended.
 * R5 A lost agent is not an ending of its turn: the turn stays at the head and the next look at it decides (P7).
 */
export class SessionActor {
  private readonly writer: SessionWriter;
  private readonly outbox: Outbox;
  private readonly watch = new TranscriptWatch();
  private readonly waiting = new Map<number, ((settled: Settled) => void)[]>();
  private phase: Phase = { kind: 'idle', since: performance.now() };
  private agent: Agent | undefined;
  private agentHasServed = false;
  private claudeSessionId: string | undefined;
  private note: string;
  private inHand: InHand | undefined;
  /** From begin to commit: what the transcript gets in between is part of the past only by the commit. */
  private turnIsOpen = false;
  private lastExit: AgentExit | undefined;
  private fencing: Promise<void> | undefined;
  /** Things the agent said after the session was lost. */
  private unwritten = 0;
  private rung = true;
  private draining = false;
  private wakeUp: (() => void) | undefined;

  constructor(
    readonly sessionId: string,
    private readonly claim: Claim,
    private readonly place: Place,
    private readonly deps: ActorDeps,
  ) {
    this.writer = new SessionWriter(deps.store, sessionId, claim);
    this.outbox = new Outbox(this.writer, claim.transcriptChunks, (failure) => this.onWriteFailure(failure));
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
    return new Promise((resolve) => {
      this.waiting.set(seq, [...(this.waiting.get(seq) ?? []), resolve]);
      this.wake();
    });
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
    await this.endAgent('now');
    this.wake();
    await this.over;
  }

  /** The session is not ours any more: ends the agent; what it says until it is gone is refused, and counted in the log. */
  fencedOut(): Promise<void> {
    this.fencing ??= this.fence();
    return this.fencing;
  }

  private async fence(): Promise<void> {
    if (this.isOver()) return;
    this.outbox.close();
    this.inHand?.end({ kind: 'fenced' });
    await this.agent?.end('now');
    this.agent = undefined;
    const refusedWrites = this.writer.refusedWrites + this.outbox.refusedEntries + this.unwritten;
    if (refusedWrites > 0) {
      this.deps.log.warn(
        { sessionId: this.sessionId, refusedWrites, fence: this.claim.fence },
        'writes were refused: the session is not ours any more',
      );
    }
    this.finish();
  }

  private resolveOver: () => void = () => undefined;
  private readonly over = new Promise<void>((resolve) => {
    this.resolveOver = resolve;
  });

  private async run(): Promise<void> {
    try {
      while (this.phase.kind !== 'over') {
        if (this.fencing !== undefined) return await this.fencing;
        if (this.draining) return await this.handOver();
        this.rung = false;
        const turn = await this.deps.store.head(this.sessionId);
        await this.settleBefore(turn?.seq);
        if (turn === undefined) await this.idle();
        else await this.serve(turn);
      }
    } catch (error) {
      this.deps.log.error(
        { err: error, sessionId: this.sessionId },
        'the session failed on this worker; handing it over',
      );
      await this.endAgent('now');
      await this.handOver().catch((cause: unknown) =>
        this.deps.log.error({ err: cause }, 'the session could not be handed over'),
      );
      this.finish();
    }
  }

  private async idle(): Promise<void> {
    if (this.rung || this.draining || this.phase.kind === 'over') return;
    if (this.phase.kind !== 'releasing') this.phase = { kind: 'idle', since: performance.now() };
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
    this.wakeUp = undefined;
    if (this.phase.kind === 'releasing') await this.phase.done;
  }

  private async serve(turn: HeadTurn): Promise<void> {
    this.phase = { kind: 'serving', seq: turn.seq };
    const log = this.deps.log.child({ sessionId: this.sessionId, seq: turn.seq, turnId: turn.turnId });
    const refusal = endings.refusalOf(turn, this.deps.store.limits.attemptsAllowed, this.lastExit);
    if (refusal !== undefined) return this.commitUnserved(turn, refusal.error, refusal.note);

    const met = await this.meetAgent();
    // Lost meanwhile: an agent that came too late must not stay.
    if (this.fencing !== undefined) return this.endAgent('now');
    if (met.kind === 'failed') {
      if (await this.deps.othersCanServe()) {
        this.draining = true;
        return;
      }
      return this.commitUnserved(turn, met.error, '');
    }
    const attempt = turn.attempts + 1;
    const hand = new TurnInHand(turn, attempt, {
      workerId: this.deps.workerId,
      pid: met.agent.pid,
      warmth: met.warmth,
      claudeSessionId: met.agent.claudeSessionId,
    });
    if (attempt > 1) {
      this.outbox.event({
        type: 'turn.restarted',
        seq: turn.seq,
        turnId: turn.turnId,
        reason: 'the agent or the worker that served it was lost',
      });
    }
    await this.outbox.flush();
    const begun = await this.writer.begin(turn.seq, {
      type: 'turn.started',
      seq: turn.seq,
      turnId: turn.turnId,
      attempt,
      workerId: this.deps.workerId,
      pid: met.agent.pid,
      warmth: met.warmth,
    });
    if (begun.kind === 'fenced') return this.fencedOut();
    if (begun.kind === 'exhausted') return this.commitUnserved(turn, endings.crashed(turn, this.lastExit), '');
    this.outbox.cut();
    this.turnIsOpen = true;
    hand.begun(begun.queuedMs);
    log.info({ attempt, warmth: met.warmth, pid: met.agent.pid, queuedMs: begun.queuedMs }, 'turn started');
    const ending = await this.exchange(hand, met.agent);
    switch (ending.kind) {
      case 'answered':
        this.agentHasServed = true;
        return this.commitAnswered(hand, met.agent, ending.answer, log);
      case 'agent_gone':
        log.warn({ ...ending.exit, pid: met.agent.pid }, 'the agent was lost in mid-turn');
        await this.outbox.flush();
        return;
      case 'fenced':
        return;
    }
  }

  private async meetAgent(): Promise<
    { kind: 'met'; agent: Agent; warmth: Warmth } | { kind: 'failed'; error: HearthError }
  > {
    if (this.agent !== undefined)
      return { kind: 'met', agent: this.agent, warmth: this.agentHasServed ? 'hot' : 'spare' };
    try {
      await mkdir(this.deps.workspace, { recursive: true });
      const { agent, warmth } = await this.newAgent();
      this.agent = agent;
      this.agentHasServed = false;
      this.watch.clear();
      await agent.bind(this.deps.workspace, (event) => this.onAgentEvent(agent, event));
      void agent.exited.then((exit) => this.onAgentExit(agent, exit));
      return { kind: 'met', agent, warmth };
    } catch (error) {
      await this.endAgent('now');
      return { kind: 'failed', error: startFailure(error) };
    }
  }

  private async newAgent(): Promise<{ agent: Agent; warmth: Warmth }> {
    if (this.claudeSessionId !== undefined && this.outbox.settledChunks > 0) {
      // A spare cannot take a past: it makes room for the agent that can.
      const unused = this.place.spare;
      this.place.spare = undefined;
      await unused?.end('now');
      return { agent: await this.deps.resumeAgent(this.claudeSessionId, this.outbox.settledChunks), warmth: 'resumed' };
    }
    return this.deps.obtainAgent(this.place);
  }

  private exchange(hand: TurnInHand, agent: Agent): Promise<Ending> {
    return new Promise<Ending>((resolve) => {
      this.inHand = { hand, end: resolve };
      void agent.exited.then((exit) => resolve({ kind: 'agent_gone', exit }));
      agent.prompt(withNote(hand.turn.request.prompt, this.note));
    }).finally(() => {
      this.inHand = undefined;
    });
  }

  private async commitAnswered(hand: TurnInHand, agent: Agent, answer: AgentResult, log: Logger): Promise<void> {
    const durable = await this.watch.contains(answer.lastEntryId, transcriptBoundMs);
    if (!durable) log.warn('the transcript did not contain the final message in time; committing as not durable');
    const error = answer.ok ? undefined : endings.agentFailed(answer);
    const result = hand.result(answer, { error, durable });
    await this.commit(hand, result, { transcript: 'keep', note: '', claudeSessionId: agent.claudeSessionId });
    if (!durable) await this.endAgent('ask');
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
    const committing = this.outbox.commit(seq, {
      result,
      messages: hand.messages,
      event: hand.ending(result),
      ...past,
    });
    this.turnIsOpen = false;
    if ((await committing).kind === 'fenced') return this.fencedOut();
    this.claudeSessionId = past.claudeSessionId;
    this.note = past.note;
    this.lastExit = undefined;
    const { timings, warmth, toolCount } = result;
    const failure = result.status === 'failed' ? { code: result.error.code, reason: result.error.message } : {};
    this.deps.log.info(
      { sessionId: this.sessionId, seq, turnId: turn.turnId, warmth, toolCount, ...timings, ...failure },
      `turn ${result.status}`,
    );
    this.settle(seq, { kind: 'committed', result });
  }

  private onAgentEvent(agent: Agent, event: AgentEvent): void {
    if (agent !== this.agent) return;
    if (this.fencing !== undefined) {
      this.unwritten += 1;
      if (event.kind === 'gate') agent.answer(event.requestId, { allow: false, message: movedAway });
      return;
    }
    const inHand = this.inHand;
    switch (event.kind) {
      case 'transcript':
        this.outbox.transcript(event.file, event.lines, !this.turnIsOpen);
        this.watch.saw(event.entryIds);
        return;
      case 'gate':
        void this.passGate(agent, event);
        return;
      case 'permission':
        agent.answer(event.requestId, {
          allow: false,
          message: 'Hearth: nobody is here to give this permission. The profile can allow the tool in advance.',
        });
        if (inHand !== undefined) {
          this.outbox.event({
            type: 'permission.denied',
            seq: inHand.hand.seq,
            toolUseId: event.toolUseId,
            name: event.name,
            reason: 'nobody is asked',
          });
        }
        return;
      case 'result':
        if (inHand === undefined)
          this.deps.log.warn(
            { sessionId: this.sessionId, reason: event.reason },
            'a result without a turn was ignored',
          );
        else inHand.end({ kind: 'answered', answer: event });
        return;
      default: {
        const made = inHand?.hand.toEvent(event);
        if (made !== undefined) this.outbox.event(made);
      }
    }
  }

  private async passGate(agent: Agent, gate: Extract<AgentEvent, { kind: 'gate' }>): Promise<void> {
    const hand = this.inHand?.hand;
    const outcome =
      hand === undefined
        ? { kind: 'fenced' as const }
        : await this.outbox.reachTool(hand.seq, gate.name, hand.toolStarted(gate));
    agent.answer(gate.requestId, outcome.kind === 'ok' ? { allow: true } : { allow: false, message: movedAway });
  }

  private onAgentExit(agent: Agent, exit: AgentExit): void {
    if (agent !== this.agent) return;
    this.agent = undefined;
    this.lastExit = exit;
    if (this.phase.kind === 'idle') {
      this.deps.log.warn(
        { sessionId: this.sessionId, pid: agent.pid, ...exit },
        'an idle agent ended by itself; its session is released',
      );
      void this.evict();
    }
  }

  private onWriteFailure(failure: { kind: 'fenced' } | { kind: 'error'; error: unknown }): void {
    if (failure.kind === 'error')
      this.deps.log.error({ err: failure.error, sessionId: this.sessionId }, 'a write to the session store failed');
    void this.fencedOut();
  }

  private async releaseIdle(): Promise<boolean> {
    await this.endAgent('ask');
    await this.outbox.flush();
    const outcome = await this.writer.release('idle');
    if (outcome.kind === 'not_empty') {
      // A turn was accepted meanwhile: it stays ours and resumes.
      this.phase = { kind: 'idle', since: performance.now() };
      this.wake();
      return false;
    }
    this.deps.log.info({ sessionId: this.sessionId }, 'session released');
    this.finish();
    return true;
  }

  private async handOver(): Promise<void> {
    await this.endAgent('ask');
    await this.outbox.flush();
    if (!this.isOver()) await this.deps.handOver(this.writer);
    this.finish();
  }

  private isOver(): boolean {
    return this.phase.kind === 'over';
  }

  private async endAgent(how: 'ask' | 'now'): Promise<void> {
    const agent = this.agent;
    this.agent = undefined;
    await agent?.end(how);
  }

  private finish(): void {
    if (this.phase.kind === 'over') return;
    this.phase = { kind: 'over' };
    for (const seq of this.waiting.keys()) this.settle(seq, { kind: 'moved' });
    this.wakeUp?.();
    this.deps.onOver();
    this.resolveOver();
  }

  /** Doorbells of turns that were committed before (a ring repeated) find their result in the store. */
  private async settleBefore(headSeq: number | undefined): Promise<void> {
    for (const seq of this.waiting.keys()) {
      if (headSeq !== undefined && seq >= headSeq) continue;
      const turn = await this.deps.store.turn(this.sessionId, seq);
      this.settle(seq, { kind: 'committed', result: turn?.result });
    }
  }

  private settle(seq: number, settled: Settled): void {
    for (const resolve of this.waiting.get(seq) ?? []) resolve(settled);
    this.waiting.delete(seq);
  }
}
