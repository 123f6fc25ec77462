import { intakeQueue, type Logger, type Ringer, workerQueue } from '@hearth/shared/internal';
import type { Round } from '../rounds.js';

export interface QueueLimitsWatchDeps {
  workerNumber: number;
  ringer: Ringer;
  log: Logger;
}

/** Logs limits that people set on Hearth's queues, because turns wait behind them although slots are free. Owns what it logged last. */
export class QueueLimitsWatch implements Round {
  readonly name = 'queue_limits';
  readonly everyMs = 10_000;
  private readonly logged = new Map<string, string>();

  constructor(private readonly deps: QueueLimitsWatchDeps) {}

  async run(): Promise<void> {
    const { ringer, workerNumber, log } = this.deps;
    for (const queue of [intakeQueue, workerQueue(workerNumber)]) {
      const limits = await ringer.limits(queue);
      const text = JSON.stringify(limits);
      if (text === (this.logged.get(queue) ?? '{}')) continue;
      this.logged.set(queue, text);
      if (text === '{}') log.info({ event: 'queue.unlimited', queue }, 'the limits of the queue were removed');
      else
        log.warn(
          { event: 'queue.limited', queue, ...limits },
          'the queue has limits: turns wait although slots are free',
        );
    }
  }
}
