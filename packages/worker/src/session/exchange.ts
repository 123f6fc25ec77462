import { setTimeout as pause } from 'node:timers/promises';
import type { HearthError } from '@hearth/shared';
import type { Logger } from '@hearth/shared/internal';
import type { Agent, AgentExit, AgentResult } from '../agent/driver.js';
import { deferred } from '../deferred.js';
import { type TurnBounds, watchClocks } from './clocks.js';
import type { RunningTurn } from './running-turn.js';

/** A stopped agent's result follows within about 10 ms (measured). One that does not answer within this is ended, ms. */
const stopGraceMs = 5_000;
/** An interrupt that met no running prompt is repeated after this, ms. */
const stopAgainMs = 500;
/** How long an abandoned turn may take to stop in band, ms. */
export const abandonGraceMs = 1_000;

/** How an exchange ended. `wasAbandoned`: the worker asked the agent to stop, for no reason of the turn's own. */
export type ExchangeEnd =
  | { kind: 'answered'; answer: AgentResult; wasAbandoned: boolean }
  | { kind: 'agent_gone'; exit: AgentExit }
  | { kind: 'session_lost' };

export interface ExchangeDeps {
  clocks: TurnBounds;
  /** Called when a clock of the turn is over. */
  onOverdue: (why: HearthError) => void;
  log: Logger;
}

/** One prompt from writing it until its answer, or until the agent is gone. Owns its clocks and the escalation of a stop. */
export class Exchange {
  readonly ended: Promise<ExchangeEnd>;
  private readonly end = deferred<ExchangeEnd>();
  private state: 'running' | 'stopping' | 'abandoned' | 'over' = 'running';

  constructor(
    readonly running: RunningTurn,
    readonly agent: Agent,
    private readonly deps: ExchangeDeps,
  ) {
    const stopClocks = watchClocks(() => running.progress, deps.clocks, deps.onOverdue);
    this.ended = this.end.promise.finally(() => {
      this.state = 'over';
      stopClocks();
    });
  }

  answered(answer: AgentResult): void {
    this.end.resolve({ kind: 'answered', answer, wasAbandoned: this.state === 'abandoned' });
  }

  /** The caller reports the exit: a wait on the agent's own promise would keep every prompt alive as long as the agent. */
  agentGone(exit: AgentExit): void {
    this.end.resolve({ kind: 'agent_gone', exit });
  }

  sessionLost(): void {
    this.end.resolve({ kind: 'session_lost' });
  }

  /** Stops the prompt in band, and ends an agent that does not stop it in time. */
  stop(): void {
    if (this.state !== 'running') return;
    this.state = 'stopping';
    this.escalateStop().catch((error: unknown) =>
      this.deps.log.warn({ event: 'turn.stop_failed', err: error, seq: this.running.seq }, 'could not stop a turn'),
    );
  }

  /** Asks the agent to stop its prompt and waits a moment, so that tools can end cleanly before the caller ends the agent. */
  async abandon(): Promise<void> {
    if (this.state === 'over') return;
    this.state = 'abandoned';
    this.agent.interrupt().catch(() => undefined);
    await Promise.race([this.ended, pause(abandonGraceMs, undefined, { ref: false })]);
  }

  private async escalateStop(): Promise<void> {
    const { agent, deps, running } = this;
    const until = performance.now() + stopGraceMs;
    while (!this.isOver && performance.now() < until) {
      // An agent that does not answer the interrupt is ended below.
      agent.interrupt().catch(() => undefined);
      await Promise.race([this.ended, pause(stopAgainMs, undefined, { ref: false })]);
    }
    if (this.isOver) return;
    const fields = { event: 'turn.stop_escalated', seq: running.seq, pid: agent.pid };
    deps.log.warn(fields, 'the agent did not stop its turn; ending the agent');
    await agent.end('terminate');
  }

  private get isOver(): boolean {
    return this.state === 'over';
  }
}
