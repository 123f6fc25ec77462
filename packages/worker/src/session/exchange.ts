import { setTimeout as pause } from 'node:timers/promises';
import type { HearthError, Logger } from '@hearth/shared';
import type { Agent, AgentExit, AgentResult } from '../agent/driver.js';
import { type ClockTimes, watchClocks } from './clocks.js';
import type { RunningTurn } from './running-turn.js';

/** A stopped agent's result follows within some 10 ms; one that has not said it after this is ended, ms. */
const stopGraceMs = 5_000;
/** An interrupt that met no running prompt is repeated, ms. */
const stopAgainMs = 500;
/** How long a turn that is abandoned may take to stop in band, ms. */
export const abandonGraceMs = 1_000;

/** How an exchange of one prompt ended. */
export type Ending =
  | { kind: 'answered'; answer: AgentResult }
  | { kind: 'agent_gone'; exit: AgentExit }
  | { kind: 'fenced' };

export interface ExchangeDeps {
  clocks: ClockTimes;
  /** A clock of the turn is over. */
  onOverdue: (why: HearthError) => void;
  log: Logger;
}

/** One prompt in the agent's hands, until it is answered or the agent is gone. Owns its clocks, and the ladder it is stopped by. */
export class Exchange {
  readonly ended: Promise<Ending>;
  private end: (ending: Ending) => void = () => undefined;
  private isOver = false;
  private isStopping = false;

  constructor(
    readonly hand: RunningTurn,
    readonly agent: Agent,
    private readonly deps: ExchangeDeps,
  ) {
    const stopClocks = watchClocks(() => hand.standing, deps.clocks, deps.onOverdue);
    this.ended = new Promise<Ending>((resolve) => {
      this.end = resolve;
    }).finally(() => {
      this.isOver = true;
      stopClocks();
    });
  }

  answered(answer: AgentResult): void {
    this.end({ kind: 'answered', answer });
  }

  /** Not asked of the agent itself: what waits for its end is kept as long as it lives, and with it every prompt it was given. */
  gone(exit: AgentExit): void {
    this.end({ kind: 'agent_gone', exit });
  }

  /** The session is lost: nobody waits for the answer any more. */
  fenced(): void {
    this.end({ kind: 'fenced' });
  }

  /** In band; an agent that does not end the turn in time is ended. */
  stop(): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.climb().catch((error: unknown) =>
      this.deps.log.warn({ err: error, seq: this.hand.seq }, 'a turn could not be stopped'),
    );
  }

  /** The agent is being ended anyway: asks it, for a moment, to stop its prompt, so that its tools can end as they should. */
  async stopBriefly(): Promise<void> {
    this.isStopping = true;
    this.agent.interrupt().catch(() => undefined);
    await Promise.race([this.ended, pause(abandonGraceMs, undefined, { ref: false })]);
  }

  private async climb(): Promise<void> {
    const { agent, deps, hand } = this;
    const until = performance.now() + stopGraceMs;
    while (!this.isOver && performance.now() < until) {
      // One that does not answer is ended all the same.
      agent.interrupt().catch(() => undefined);
      await Promise.race([this.ended, pause(stopAgainMs, undefined, { ref: false })]);
    }
    if (this.isOver) return;
    deps.log.warn({ seq: hand.seq, pid: agent.pid }, 'the agent did not stop its turn; ending it');
    await agent.end('terminate');
  }
}
