import { type Keys, type Logger, parseWakeCall } from '@hearth/shared';
import type { Redis } from 'ioredis';
import type { SessionActor } from '../session/actor.js';

/**
 * Hears what happens to owned sessions before it has come through the queues: a turn came, one was withdrawn or is to stop, a
 * permission was given, the session is being closed, somebody watches. A call that is lost is late, not lost. Measured: submit → begin 3.3 ms by doorbell alone,
 * see docs/benchmarks.md. Owns a connection of its own.
 */
export class WakeCalls {
  private readonly subscriber: Redis;

  constructor(
    redis: Redis,
    private readonly keys: Keys,
    private readonly workerId: string,
    private readonly log: Logger,
  ) {
    this.subscriber = redis.duplicate({ connectionName: 'hearth-wake-calls' });
    this.subscriber.on('error', (error: unknown) => log.debug({ err: error }, 'wake calls connection'));
  }

  /** `letGo`: a session is being closed that has no actor here. */
  async start(
    find: (sessionId: string) => SessionActor | undefined,
    letGo: (sessionId: string) => Promise<void>,
  ): Promise<void> {
    this.subscriber.on('message', (_channel: string, message: string) => {
      this.dispatch(message, find, letGo).catch((error: unknown) =>
        this.log.warn({ err: error }, 'a wake call failed'),
      );
    });
    await this.subscriber.subscribe(this.keys.wakePrefix + this.workerId);
  }

  stop(): void {
    this.subscriber.disconnect();
  }

  private async dispatch(
    message: string,
    find: (sessionId: string) => SessionActor | undefined,
    letGo: (sessionId: string) => Promise<void>,
  ): Promise<void> {
    const call = parseWakeCall(message);
    const actor = call === undefined ? undefined : find(call.sessionId);
    switch (call?.kind) {
      case 'turn':
        return actor?.wake();
      case 'withdrawn':
        return actor?.withdrawn(call.seq);
      case 'interrupt':
        return actor?.interrupt(call.seq);
      case 'answered':
        return actor?.answered(call.requestId);
      case 'close':
        return actor === undefined ? letGo(call.sessionId) : actor.close();
      case 'watch':
        return actor?.watch();
      default:
    }
  }
}
