import type { Keys, Logger } from '@hearth/shared';
import type { Redis } from 'ioredis';

/**
 * Hears which owned sessions got a turn, before their doorbells have come through the queue. A call that is lost costs nothing:
 * the doorbell follows. Measured: submit → begin 3.3 ms by doorbell alone, see docs/benchmarks.md.
 * Owns a connection of its own.
 */
export class WakeCalls {
  private readonly subscriber: Redis;

  constructor(
    redis: Redis,
    private readonly keys: Keys,
    private readonly workerId: string,
    log: Logger,
  ) {
    this.subscriber = redis.duplicate({ connectionName: 'hearth-wake-calls' });
    this.subscriber.on('error', (error: unknown) => log.debug({ err: error }, 'wake calls connection'));
  }

  async start(onCall: (sessionId: string) => void): Promise<void> {
    this.subscriber.on('message', (_channel: string, sessionId: string) => onCall(sessionId));
    await this.subscriber.subscribe(this.keys.wakePrefix + this.workerId);
  }

  stop(): void {
    this.subscriber.disconnect();
  }
}
