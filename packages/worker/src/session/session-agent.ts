import { mkdir } from 'node:fs/promises';
import { HearthError, type Logger, type Prompt, type Warmth } from '@hearth/shared';
import type { Agent, AgentEnd, AgentEvent, AgentExit, AgentResult, RawListener } from '../agent/driver.js';
import { startFailure } from '../agent/start-failure.js';
import type { ClockTimes } from './clocks.js';
import { type Ending, Exchange } from './exchange.js';
import type { AgentLimits } from './limits.js';
import type { Outbox } from './outbox.js';
import type { PermissionDesk } from './permission-desk.js';
import type { RunningTurn } from './running-turn.js';
import { TranscriptWatch } from './transcript-watch.js';

/** How long a commit waits for the transcript to contain the final message before it is marked not durable, ms. */
const transcriptBoundMs = 2_000;

const strayResult = 'a result that is not of the running turn was ignored';
const megabyte = 1024 * 1024;

const movedAway = 'Hearth: this session has moved to another worker.';
const noTurn = 'Hearth: no turn is in hand, so no tool may run now.';

export interface SessionAgentDeps {
  /** The folder the agent works in. */
  workspace: string;
  /** A spare, a cold one, or one resumed from the transcript. @throws HearthError */
  newAgent(): Promise<{ agent: Agent; warmth: Warmth }>;
  outbox: Outbox;
  desk: PermissionDesk;
  clocks: ClockTimes;
  /** The agent ended although no prompt was in its hands. */
  onIdleExit(pid: number, exit: AgentExit): void;
  log: Logger;
}

/**
 * The one agent of an owned session, and what it says on its way to the outbox. Owns the agent and the exchange in hand.
 *
 * A1 A tool runs only after `tool.reached` was written under the fence (P7); once refused, every tool is refused.
 * A2 What the agent says outside an exchange makes no event: a late result can close no later turn.
 * A3 Lines of the transcript between begin and commit are part of the past only by the commit.
 * A4 Whoever ends the agent, or refuses it, waits until also the one before is gone: the lock is given back after that.
 */
export class SessionAgent {
  private readonly transcriptWatch = new TranscriptWatch();
  private agent: Agent | undefined;
  /** The one that is being ended. */
  private leaving: Agent | undefined;
  private met: { warmth: Warmth; at: number; turns: number; bytes: number } = {
    warmth: 'spare',
    at: 0,
    turns: 0,
    bytes: 0,
  };
  private watcher: RawListener | undefined;
  private exchangeNow: Exchange | undefined;
  /** Turns that are to stop, also those whose exchange has not begun yet, and why: the first reason counts. */
  private readonly toStop = new Map<number, HearthError>();
  private turnIsOpen = false;
  private exit: AgentExit | undefined;
  /** The last agent that ended, perhaps before its exchange began. */
  private ended: { agent: Agent; exit: AgentExit } | undefined;
  /** Defined once the session is lost: how much the agent said since. */
  private unwritten: number | undefined;

  constructor(private readonly deps: SessionAgentDeps) {}

  /** How the last agent ended, if one did since the last commit. */
  get lastExit(): AgentExit | undefined {
    return this.exit;
  }

  /** The agent that is there, for the worker record. */
  get present(): { pid: number; warmth: Warmth; since: number } | undefined {
    if (this.agent === undefined) return undefined;
    const { at } = this.met;
    return { pid: this.agent.pid, warmth: this.warmth, since: Math.round(performance.timeOrigin + at) };
  }

  /** The agent that is there, or a new one. */
  async meet(): Promise<{ kind: 'met'; agent: Agent; warmth: Warmth } | { kind: 'failed'; error: HearthError }> {
    if (this.agent !== undefined) {
      return { kind: 'met', agent: this.agent, warmth: this.warmth };
    }
    try {
      await mkdir(this.deps.workspace, { recursive: true });
      return { kind: 'met', ...(await this.meetNew()) };
    } catch (error) {
      return { kind: 'failed', error: startFailure(error) };
    }
  }

  private async meetNew(isSecond = false): Promise<{ agent: Agent; warmth: Warmth }> {
    let warmth: Warmth | undefined;
    try {
      const met = await this.deps.newAgent();
      const { agent } = met;
      ({ warmth } = met);
      this.agent = agent;
      this.met = { warmth, at: performance.now(), turns: 0, bytes: 0 };
      this.transcriptWatch.clear();
      agent.watch(this.watcher);
      await agent.bind(this.deps.workspace, (event) => this.onEvent(agent, event));
      void agent.exited.then((exit) => this.onExit(agent, exit));
      return { agent, warmth };
    } catch (error) {
      await this.end('now');
      // A spare can die, or go deaf, while it waits to be taken, and anything can be killed while it starts: once is an accident.
      const isAccident = warmth === 'spare' || startFailure(error).code === 'agent_start_failed';
      if (isSecond || !isAccident) throw error;
      this.deps.log.warn({ err: error }, 'an agent could not be met; another is tried');
      return this.meetNew(true);
    }
  }

  private get warmth(): Warmth {
    return this.met.turns > 0 ? 'hot' : this.met.warmth;
  }

  /** Has the agent answer one prompt. The begin was recorded before. */
  async exchange(hand: RunningTurn, agent: Agent, prompt: Prompt): Promise<Ending> {
    const { clocks, desk, log } = this.deps;
    this.turnIsOpen = true;
    const exchange = new Exchange(hand, agent, { clocks, log, onOverdue: (why) => this.stop(hand.seq, why) });
    this.exchangeNow = exchange;
    if (this.ended?.agent === agent) exchange.gone(this.ended.exit);
    agent.prompt(prompt);
    if (this.toStop.has(hand.seq)) exchange.stop();
    const ending = await exchange.ended;
    this.exchangeNow = undefined;
    desk.clear();
    this.met.turns += 1;
    return ending;
  }

  /** Stops a turn: in band; an agent that does not end it in time is ended. The first reason counts; later turns are not touched. */
  stop(seq: number, why: HearthError): void {
    this.noteToStop(seq, why);
    if (this.exchangeNow?.hand.seq === seq) this.exchangeNow.stop();
  }

  private noteToStop(seq: number, why: HearthError): void {
    if (!this.toStop.has(seq)) this.toStop.set(seq, why);
  }

  /** Why a turn was to stop, if it was. */
  stopReason(seq: number): HearthError | undefined {
    return this.toStop.get(seq);
  }

  /** Whether the transcript contains the answer's last entry, after waiting for it within a bound. */
  async isInTranscript(answer: AgentResult): Promise<boolean> {
    return this.transcriptWatch.contains(answer.lastEntryId, transcriptBoundMs);
  }

  /** Whether the agent has served so many turns, lived so long, or grown so much that another should go on. */
  isSpent({ maxTurnsPerAgent, maxAgentAgeMs, agentSoftMemoryMb }: AgentLimits): boolean {
    if (this.agent === undefined) return false;
    if (this.met.bytes > agentSoftMemoryMb * megabyte) return true;
    return this.met.turns >= maxTurnsPerAgent || performance.now() - this.met.at >= maxAgentAgeMs;
  }

  /**
   * The agent with all it started holds so many bytes. One beyond the hard limit is killed; with its turn, if it has one. True: it is
   * beyond the soft limit.
   */
  noteMemory(pid: number, bytes: number, { agentSoftMemoryMb, agentHardMemoryMb }: AgentLimits): boolean {
    if (this.agent?.pid !== pid) return false;
    this.met.bytes = bytes;
    if (bytes > agentHardMemoryMb * megabyte) this.killForMemory(this.agent, bytes, agentHardMemoryMb);
    return bytes > agentSoftMemoryMb * megabyte;
  }

  /** Shows the lines to and from the session's agents to one listener; undefined: to nobody. */
  watch(listener: RawListener | undefined): void {
    this.watcher = listener;
    this.agent?.watch(listener);
  }

  /** The commit of a turn was put into the outbox. */
  closeTurn(seq: number): void {
    this.turnIsOpen = false;
    this.exit = undefined;
    for (const stopped of this.toStop.keys()) if (stopped <= seq) this.toStop.delete(stopped);
  }

  async end(how: AgentEnd): Promise<void> {
    const leaving = this.agent ?? this.leaving;
    this.agent = undefined;
    this.leaving = leaving;
    await leaving?.end(how);
    if (this.leaving === leaving) this.leaving = undefined;
  }

  /** Ends the agent whatever it does: asks it to stop its prompt, for a moment, so that its tools can end as they should. */
  async abandon(): Promise<void> {
    await this.exchangeNow?.stopBriefly();
    await this.end('now');
  }

  /** The session is lost: ends the agent, refuses what it says until it is gone, and tells how much that was. */
  async refuse(): Promise<number> {
    this.unwritten = 0;
    this.exchangeNow?.fenced();
    await Promise.all([this.agent?.end('now'), this.leaving?.end('now')]);
    this.agent = undefined;
    return this.unwritten;
  }

  private onEvent(agent: Agent, event: AgentEvent): void {
    if (agent !== this.agent) return;
    if (this.unwritten !== undefined) return this.refuseEvent(agent, event);
    const hand = this.exchangeNow?.hand;
    switch (event.kind) {
      case 'transcript':
        this.deps.outbox.transcript(event.file, event.lines, !this.turnIsOpen);
        this.transcriptWatch.saw(event.entryIds);
        return;
      case 'gate':
        void this.passGate(agent, event, hand);
        return;
      case 'permission':
        if (hand === undefined) agent.answer(event.requestId, { allow: false, message: noTurn });
        else this.deps.desk.ask(agent, event, hand);
        return;
      case 'permission_withdrawn':
        this.deps.desk.withdrawn(event.requestId);
        return;
      case 'stray_result':
        this.deps.log.warn({ reason: event.reason }, strayResult);
        return;
      case 'result':
        if (this.exchangeNow === undefined) this.deps.log.warn({ reason: event.reason }, strayResult);
        else this.exchangeNow.answered(event);
        return;
      default: {
        const made = hand?.toEvent(event);
        if (made !== undefined) this.deps.outbox.event(made);
      }
    }
  }

  private killForMemory(agent: Agent, bytes: number, allowedMb: number): void {
    this.deps.log.error(
      { pid: agent.pid, megabytes: Math.round(bytes / megabyte) },
      'the agent took more memory than is allowed; ending it',
    );
    const { exchangeNow } = this;
    if (exchangeNow !== undefined) this.noteToStop(exchangeNow.hand.seq, outOfMemory(allowedMb));
    void agent.end('now');
  }

  private refuseEvent(agent: Agent, event: AgentEvent): void {
    this.unwritten = (this.unwritten ?? 0) + 1;
    if (event.kind === 'gate' || event.kind === 'permission')
      agent.answer(event.requestId, { allow: false, message: movedAway });
  }

  private async passGate(
    agent: Agent,
    gate: Extract<AgentEvent, { kind: 'gate' }>,
    hand: RunningTurn | undefined,
  ): Promise<void> {
    if (hand === undefined) return agent.answer(gate.requestId, { allow: false, message: noTurn });
    const written = await this.deps.outbox.reachTool(hand.seq, gate.name, hand.toolStarted(gate));
    agent.answer(gate.requestId, written.kind === 'ok' ? { allow: true } : { allow: false, message: movedAway });
  }

  private onExit(agent: Agent, exit: AgentExit): void {
    this.ended = { agent, exit };
    if (this.exchangeNow?.agent === agent) this.exchangeNow.gone(exit);
    if (agent !== this.agent) return;
    this.agent = undefined;
    this.exit = exit;
    if (this.exchangeNow === undefined) this.deps.onIdleExit(agent.pid, exit);
  }
}

function outOfMemory(allowedMb: number): HearthError {
  return new HearthError('agent_out_of_memory', `The agent and what it started held more than ${allowedMb} MB.`, {
    field: 'agentHardMemoryMb',
    expected: `at most ${allowedMb} MB`,
    wayOut:
      'Have Claude do it in smaller steps, or raise HEARTH_AGENT_HARD_MEMORY_MB on the workers. The session goes on from its last turn.',
  });
}
