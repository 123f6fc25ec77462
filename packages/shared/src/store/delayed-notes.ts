import type { SessionStore } from './session-store.js';

/**
 * Which jobs in intake bring the turns of a session that are not due yet: by these notes, in the session's own slot, they are found.
 * A note is made before its job and goes when that has ended, so the log need not know of it. Holds no state but its store.
 */
export class DelayedNotes {
  constructor(private readonly store: SessionStore) {}

  private key(sessionId: string): string {
    return this.store.keys.session(sessionId).delayed;
  }

  /** Notes the job of a turn that is due in `delayMs`. Returns the one that is noted: another, if the turn had one already. */
  async note(sessionId: string, turnId: string, jobId: string, delayMs: number): Promise<string> {
    const key = this.key(sessionId);
    // Should its job be removed by hand, nobody removes the note; so it goes by itself.
    const keptMs = delayMs + this.store.limits.retentionMs;
    const [, noted] =
      (await this.store.redis
        .multi()
        .hsetnx(key, turnId, jobId)
        .hget(key, turnId)
        .pexpire(key, keptMs, 'NX')
        .pexpire(key, keptMs, 'GT')
        .exec()) ?? [];
    if (typeof noted?.[1] !== 'string') throw noted?.[0] ?? new TypeError('no job is noted');
    return noted[1];
  }

  async find(sessionId: string, turnId: string): Promise<string | undefined> {
    return (await this.store.redis.hget(this.key(sessionId), turnId)) ?? undefined;
  }

  async turnIds(sessionId: string): Promise<string[]> {
    return this.store.redis.hkeys(this.key(sessionId));
  }

  /** That job has ended, or brought its turn. */
  async forget(sessionId: string, turnId: string, jobId: string): Promise<void> {
    if ((await this.find(sessionId, turnId)) === jobId) await this.store.redis.hdel(this.key(sessionId), turnId);
  }
}
