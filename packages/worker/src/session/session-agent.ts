import { mkdir } from 'node:fs/promises';
import type { HearthError, Prompt, Warmth } from '@hearth/shared';
import type { Logger } from '@hearth/shared/internal';
import type { Agent, AgentEnd, AgentEvent, AgentExit, AgentResult, RawListener } from '../agent/driver.js';
import { startFailure } from '../agent/start-failure.js';
import type { TurnBounds } from './clocks.js';
import { Exchange, type ExchangeEnd } from './exchange.js';
import { type AgentLimits, exceedsLimits, megabyte } from './limits.js';
import { noticeEvent } from './notice.js';
import type { Outbox } from './outbox.js';
import { movedAway, type Ownership } from './ownership.js';
import type { PermissionDesk } from './permission-desk.js';
import type { RunningTurn } from './running-turn.js';
import { TranscriptWatch } from './transcript-watch.js';
import { outOfMemoryError } from './turn-outcome.js';

/** How long a commit waits for the transcript to contain the final message before it is marked not durable, ms. */
const transcriptBoundMs = 2_000;

const noTurn = 'Hearth: no turn is running, so no tool may run now.';

/** An agent, and how the session got it. */
export interface AcquiredAgent {
  agent: Agent;
  warmth: Warmth;
  /** Damaged lines that a resume cut off the transcript. Set on the first use only. */
  cutLines?: number;
}

export interface SessionAgentDeps {
  /** The folder the agent works in. */
  workspace: string;
  /** Gets a spare, starts an agent, or resumes one from the transcript. @throws HearthError */
  newAgent(): Promise<AcquiredAgent>;
  ownership: Ownership;
  outbox: Outbox;
  desk: PermissionDesk;
  clocks: TurnBounds;
  limits: AgentLimits;
  /** Called when the agent ended although no prompt was running. */
  onIdleExit(): void;
  log: Logger;
}

/** An agent of the session from acquiring it until its process is gone. */
interface Present {
  kind: 'present';
  agent: Agent;
  /** How the session got it. */
  acquired: Warmth;
  /** `performance.now()`, ms. */
  since: number;
  turns: number;
  /** What it and everything it started held at the last measurement. */
  bytes: number;
}

type State = { kind: 'none' } | Present | { kind: 'ending'; agent: Agent; gone: Promise<AgentExit> };

/**
 * The one agent of an owned session, and the way of its output into the outbox. Owns the agent and the running exchange.
 *
 * A1 A tool runs only after `tool.started` was written under the fence (P7). Once a write was refused, every tool is refused.
 * A2 Output outside an exchange makes no event, so a late result cannot end a later turn.
 * A3 Transcript lines between begin and commit become part of the transcript with the commit only.
 * A4 The session has one agent process at a time: the next is acquired, and the lock released, only after the last is gone.
 */
export class SessionAgent {
  private readonly transcriptWatch = new TranscriptWatch();
  private state: State = { kind: 'none' };
  private watcher: RawListener | undefined;
  private exchange: Exchange | undefined;
  /** Turns that are to stop and why, also turns that have not begun. The first reason counts. */
  private readonly stopReasons = new Map<number, HearthError>();
  private turnIsOpen = false;
  private prompted: number | undefined;
  private exit: AgentExit | undefined;
  /** The last agent that ended. It can end before its exchange starts. */
  private ended: { agent: Agent; exit: AgentExit } | undefined;

  constructor(private readonly deps: SessionAgentDeps) {
    deps.ownership.lost.addEventListener('abort', () => {
      this.exchange?.sessionLost();
      void this.end('now');
    });
  }

  /** How the last agent ended. Undefined when none ended since the last commit. */
  get lastExit(): AgentExit | undefined {
    return this.exit;
  }

  /** The turn whose prompt an agent was given last. */
  get lastPromptedSeq(): number | undefined {
    return this.prompted;
  }

  /** The agent, for the worker record. `since`: ms since 1970. */
  get present(): { pid: number; warmth: Warmth; since: number } | undefined {
    if (this.state.kind !== 'present') return undefined;
    const { agent, since } = this.state;
    return { pid: agent.pid, warmth: warmthOf(this.state), since: Math.round(performance.timeOrigin + since) };
  }

  /** Returns the session's agent, or acquires a new one. An error is returned, because it may be the outcome of a turn. */
  async acquire(): Promise<({ kind: 'acquired' } & AcquiredAgent) | { kind: 'failed'; error: HearthError }> {
    if (this.state.kind === 'present') {
      return { kind: 'acquired', agent: this.state.agent, warmth: warmthOf(this.state) };
    }
    try {
      if (this.state.kind === 'ending') await this.state.gone;
      await mkdir(this.deps.workspace, { recursive: true });
      const acquired = await this.acquireNew();
      // The session was lost meanwhile, so an agent that comes too late must not stay.
      if (this.deps.ownership.isLost) await this.end('now');
      return { kind: 'acquired', ...acquired };
    } catch (error) {
      return { kind: 'failed', error: startFailure(error) };
    }
  }

  private async acquireNew(isRetry = false): Promise<AcquiredAgent> {
    try {
      const fresh = await this.deps.newAgent();
      const { agent, warmth: acquired } = fresh;
      this.state = { kind: 'present', agent, acquired, since: performance.now(), turns: 0, bytes: 0 };
      this.transcriptWatch.clear();
      agent.watch(this.watcher);
      await agent.bind(this.deps.workspace, (event) => this.onEvent(agent, event));
      void agent.exited.then((exit) => this.onExit(agent, exit));
      return fresh;
    } catch (error) {
      const acquired = this.state.kind === 'present' ? this.state.acquired : undefined;
      await this.end('now');
      // A spare can die or hang while it waits, and any process can be killed while it starts, so one failure is retried.
      const isAccident = acquired === 'spare' || startFailure(error).code === 'agent_start_failed';
      if (isRetry || !isAccident) throw error;
      this.deps.log.warn({ event: 'agent.acquire_retried', err: error }, 'could not acquire an agent; trying another');
      return this.acquireNew(true);
    }
  }

  /** Has the agent answer one prompt, whose begin was recorded before. */
  async runPrompt(running: RunningTurn, agent: Agent, prompt: Prompt): Promise<ExchangeEnd> {
    const { clocks, desk, log, ownership } = this.deps;
    if (ownership.isLost) return { kind: 'session_lost' };
    this.turnIsOpen = true;
    this.prompted = running.seq;
    const exchange = new Exchange(running, agent, { clocks, log, onOverdue: (why) => this.stop(running.seq, why) });
    this.exchange = exchange;
    if (this.ended?.agent === agent) exchange.agentGone(this.ended.exit);
    agent.prompt(prompt);
    if (this.stopReasons.has(running.seq)) exchange.stop();
    const end = await exchange.ended;
    this.exchange = undefined;
    desk.clear();
    if (this.state.kind === 'present') this.state.turns += 1;
    return end;
  }

  /** Stops a turn, now or when it begins. The first reason counts. Other turns are not touched. */
  stop(seq: number, why: HearthError): void {
    if (!this.stopReasons.has(seq)) this.stopReasons.set(seq, why);
    if (this.exchange?.running.seq === seq) this.exchange.stop();
  }

  /** Why a turn is to stop. Undefined when it is not. */
  stopReason(seq: number): HearthError | undefined {
    return this.stopReasons.get(seq);
  }

  /** Whether the transcript contains the answer's last entry, after waiting for it within a bound. */
  async isInTranscript(answer: AgentResult): Promise<boolean> {
    return this.transcriptWatch.contains(answer.lastEntryId, transcriptBoundMs);
  }

  /** Whether the agent has served so many turns, lived so long, or grown so much that a new one should replace it. */
  isSpent(): boolean {
    if (this.state.kind !== 'present') return false;
    const { turns, since, bytes } = this.state;
    return exceedsLimits({ turns, ageMs: performance.now() - since, bytes }, this.deps.limits);
  }

  /**
   * Takes a measurement of the agent and everything it started. An agent beyond the hard limit is killed, and its turn fails.
   *
   * @returns whether it is beyond the soft limit
   */
  limitMemory(bytes: number): boolean {
    if (this.state.kind !== 'present') return false;
    const { agentSoftMemoryMb, agentHardMemoryMb } = this.deps.limits;
    this.state.bytes = bytes;
    if (bytes > agentHardMemoryMb * megabyte) this.killForMemory(this.state.agent, bytes, agentHardMemoryMb);
    return bytes > agentSoftMemoryMb * megabyte;
  }

  /** Passes the raw lines of the session's agents to a listener. Undefined: to none. */
  watch(listener: RawListener | undefined): void {
    this.watcher = listener;
    if (this.state.kind === 'present') this.state.agent.watch(listener);
  }

  /** Closes a turn, because its commit is in the outbox. */
  closeTurn(seq: number): void {
    this.turnIsOpen = false;
    this.exit = undefined;
    for (const stopped of this.stopReasons.keys()) if (stopped <= seq) this.stopReasons.delete(stopped);
  }

  /** Ends the agent. Resolves when its process and everything it started are gone. A second call can be more urgent. */
  async end(how: AgentEnd): Promise<void> {
    if (this.state.kind === 'none') return;
    const { agent } = this.state;
    const gone = agent.end(how);
    const ending: State = { kind: 'ending', agent, gone };
    this.state = ending;
    await gone;
    if (this.state === ending) this.state = { kind: 'none' };
  }

  /** Ends the agent at once, but first asks it to stop its prompt, so that its tools can end cleanly. */
  async abandon(): Promise<void> {
    await this.exchange?.abandon();
    await this.end('now');
  }

  private onEvent(agent: Agent, event: AgentEvent): void {
    if (event.kind === 'line') return this.exchange?.running.noteLine();
    if (this.deps.ownership.isLost) return this.refuseEvent(agent, event);
    if (this.state.kind !== 'present' || agent !== this.state.agent) return;
    const running = this.exchange?.running;
    switch (event.kind) {
      case 'transcript':
        this.deps.outbox.transcript(event.file, event.lines, !this.turnIsOpen);
        this.transcriptWatch.noteEntries(event.entryIds);
        return;
      case 'gate':
        void this.passGate(agent, event, running);
        return;
      case 'permission':
        if (running === undefined) agent.answer(event.requestId, { allow: false, message: noTurn });
        else this.deps.desk.ask(agent, event, running);
        return;
      case 'permission_withdrawn':
        this.deps.desk.withdrawn(event.requestId);
        return;
      case 'stray_result':
        return this.ignoreResult(event.reason);
      case 'result':
        if (this.exchange === undefined) this.ignoreResult(event.reason);
        else this.exchange.answered(event);
        return;
      default: {
        const made = event.kind === 'notice' ? noticeEvent(event, running) : running?.toEvent(event);
        if (made !== undefined) this.deps.outbox.event(made);
      }
    }
  }

  private ignoreResult(reason: string): void {
    this.deps.log.warn({ event: 'agent.stray_result', reason }, 'ignored a result that is not of the running turn');
  }

  private killForMemory(agent: Agent, bytes: number, allowedMb: number): void {
    const megabytes = Math.round(bytes / megabyte);
    const fields = { event: 'agent.memory_exceeded', pid: agent.pid, megabytes };
    this.deps.log.error(fields, 'the agent exceeds its memory limit; killing it');
    if (this.exchange !== undefined) this.stop(this.exchange.running.seq, outOfMemoryError(allowedMb));
    void agent.end('now');
  }

  private refuseEvent(agent: Agent, event: AgentEvent): void {
    this.deps.ownership.countRefused();
    if (event.kind === 'gate' || event.kind === 'permission')
      agent.answer(event.requestId, { allow: false, message: movedAway });
  }

  private async passGate(
    agent: Agent,
    gate: Extract<AgentEvent, { kind: 'gate' }>,
    running: RunningTurn | undefined,
  ): Promise<void> {
    if (running === undefined) return agent.answer(gate.requestId, { allow: false, message: noTurn });
    const written = await this.deps.outbox.reachTool(running.seq, gate.name, running.toolStarted(gate));
    agent.answer(gate.requestId, written.kind === 'ok' ? { allow: true } : { allow: false, message: movedAway });
  }

  private onExit(agent: Agent, exit: AgentExit): void {
    this.ended = { agent, exit };
    if (this.exchange?.agent === agent) this.exchange.agentGone(exit);
    if (this.state.kind !== 'present' || agent !== this.state.agent) return;
    this.state = { kind: 'none' };
    this.exit = exit;
    if (this.exchange !== undefined) return;
    this.deps.log.warn({ event: 'agent.idle_exit', pid: agent.pid, ...exit }, 'an idle agent ended by itself');
    this.deps.onIdleExit();
  }
}

const warmthOf = ({ turns, acquired }: Present): Warmth => (turns > 0 ? 'hot' : acquired);
