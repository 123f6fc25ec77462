import type { SessionStore } from './session-store.js';

/**
 * Notes in a session's slot of Redis which raw job submits each delayed turn, so that a cancel or a close finds the job. A note is made
 * before its job, and removed when the job has ended. Stateless.
 */
export class DelayedNotes {
  constructor(private readonly store: SessionStore) {}

  private key(sessionId: string): string {
    return this.store.keys.session(sessionId).delayed;
  }

  /** Notes the job of a turn that is due in `delayMs`. Returns the noted job: another one when the turn had a note. */
  async note(sessionId: string, turnId: string, jobId: string, delayMs: number): Promise<string> {
    const key = this.key(sessionId);
    // The note expires, because no part of Hearth removes it when the job was removed by hand.
    const keptMs = delayMs + this.store.limits.retentionMs;
    const [, noted] =
      (await this.store.redis
        .multi()
        .hsetnx(key, turnId, jobId)
        .hget(key, turnId)
        .pexpire(key, keptMs, 'NX')
        .pexpire(key, keptMs, 'GT')
        .exec()) ?? [];
    if (typeof noted?.[1] !== 'string') throw noted?.[0] ?? new TypeError('Redis returned no noted job');
    return noted[1];
  }

  async find(sessionId: string, turnId: string): Promise<string | undefined> {
    return (await this.store.redis.hget(this.key(sessionId), turnId)) ?? undefined;
  }

  async turnIds(sessionId: string): Promise<string[]> {
    return this.store.redis.hkeys(this.key(sessionId));
  }

  /** Removes the note of a job that has ended. */
  async remove(sessionId: string, turnId: string, jobId: string): Promise<void> {
    if ((await this.find(sessionId, turnId)) === jobId) await this.store.redis.hdel(this.key(sessionId), turnId);
  }
}
