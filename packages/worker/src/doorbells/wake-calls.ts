import { type Keys, type Logger, parseWakeCall } from '@hearth/shared/internal';
import type { Redis } from 'ioredis';
import type { HandOver } from '../session/hand-over.js';
import type { SessionRegistry } from '../session/session-registry.js';

export interface WakeCallsDeps {
  redis: Redis;
  keys: Keys;
  workerId: string;
  registry: SessionRegistry;
  handOver: HandOver;
  log: Logger;
}

/**
 * Passes pub/sub calls on to the sessions they are for: a turn came or was withdrawn, a turn is to stop, a permission was answered, the
 * session is being closed, a caller watches. They are faster than the queues (submit → begin takes 3.3 ms by doorbell alone, see
 * docs/benchmarks.md). A lost call is late, not lost. Owns a connection.
 */
export class WakeCalls {
  private readonly subscriber: Redis;

  constructor(private readonly deps: WakeCallsDeps) {
    const { redis, log } = deps;
    this.subscriber = redis.duplicate({ connectionName: 'hearth-wake-calls' });
    this.subscriber.on('error', (error: unknown) =>
      log.debug({ event: 'redis.connection_error', err: error }, 'wake calls connection'),
    );
  }

  async start(): Promise<void> {
    const { keys, workerId, log } = this.deps;
    this.subscriber.on('message', (_channel: string, message: string) => {
      this.dispatch(message).catch((error: unknown) =>
        log.warn({ event: 'wake_call.failed', err: error }, 'a wake call failed'),
      );
    });
    await this.subscriber.subscribe(keys.wakePrefix + workerId);
  }

  stop(): void {
    this.subscriber.disconnect();
  }

  private async dispatch(message: string): Promise<void> {
    const call = parseWakeCall(message);
    if (call === undefined) return;
    const session = this.deps.registry.find(call.sessionId);
    switch (call.kind) {
      case 'turn':
        return session?.wake();
      case 'withdrawn':
        return session?.withdrawn(call.seq);
      case 'interrupt':
        return session?.interrupt(call.seq);
      case 'answered':
        return session?.answered(call.requestId);
      case 'close':
        // Without an actor the lock may still name this worker, and then the closer waits for it.
        return session === undefined ? this.deps.handOver.releaseLock(call.sessionId) : session.close();
      case 'watch':
        return session?.watch();
    }
  }
}
