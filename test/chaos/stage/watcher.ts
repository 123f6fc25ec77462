import { setTimeout as pause } from 'node:timers/promises';
import type { Keys } from '@hearth/shared/internal';
import { Redis } from 'ioredis';
import type { Recorder } from '../recorder.js';

/** The interval at which locks and leases are read, in ms. */
const everyMs = 20;

interface Lock {
  owner: string;
  epoch: number;
  incarnation: string;
}

/** For one session: its lock, its number of events, and the worker that holds the doorbell of its next turn. */
const look = `
local s = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'incarnation', 'events')
local seq = redis.call('ZRANGE', KEYS[1] .. ':log', 0, 0)[1]
local ring = seq and redis.call('HGET', KEYS[1] .. ':turn:' .. seq, 'ring')
local token = false
if ring then
  local slash = string.find(ring, '/', 1, true)
  local workerNumber = string.sub(ring, 1, slash - 1)
  local queue = workerNumber == 'intake' and 'turns' or 'turns-' .. workerNumber
  token = redis.call('GET', ARGV[1] .. ':' .. queue .. ':' .. string.sub(ring, slash + 1) .. ':lock')
end
return {s[1] or '', s[2] or '0', s[3] or '', s[4] or '0', token or ''}
`;

export interface WatcherSettings {
  redisUrl: string;
  /** A key with the time of its last write: after a death of Redis it shows how much of everything was kept. */
  beat: string;
  keys: Keys;
  sessionIds: readonly string[];
  recorder: Recorder;
}

/** Reads owners and leases at intervals, and records changes. */
export class Watcher {
  private readonly locks = new Map<string, Lock>();
  private readonly bells = new Map<string, string>();
  private readonly leases = new Map<string, number>();
  private readonly redis: Redis;
  private rolledBackAt = 0;
  private running = true;
  private loop: Promise<void> | undefined;

  constructor(private readonly settings: WatcherSettings) {
    this.redis = new Redis(settings.redisUrl, {
      maxRetriesPerRequest: null,
      commandTimeout: 1_000,
      retryStrategy: () => everyMs,
    });
    this.redis.on('error', () => undefined);
  }

  start(): void {
    this.loop = this.watch();
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loop;
    this.redis.disconnect();
  }

  private async watch(): Promise<void> {
    while (this.running) {
      await this.look().catch(() => undefined);
      await pause(everyMs);
    }
  }

  private async look(): Promise<void> {
    const { keys, sessionIds, beat, recorder } = this.settings;
    // The last reading may have been forgotten, or not: the state is recorded again.
    if (recorder.rolledBackAt !== this.rolledBackAt) this.locks.clear();
    this.rolledBackAt = recorder.rolledBackAt;
    await this.redis.set(beat, Date.now());
    const known = await this.redis.zrange(keys.knownWorkers, '0', '-1');
    const { queuePrefix } = keys.options;
    const pipeline = this.redis.pipeline();
    for (const sessionId of sessionIds) pipeline.eval(look, 1, keys.session(sessionId).session, queuePrefix);
    for (const workerId of known) pipeline.pttl(keys.lease(workerId));
    const replies = ((await pipeline.exec()) ?? []).map(([, reply]) => reply);
    for (const [at, sessionId] of sessionIds.entries()) this.sessionSeen(sessionId, replies[at] as string[]);
    for (const [at, workerId] of known.entries()) this.leaseSeen(workerId, Number(replies[sessionIds.length + at]));
  }

  private sessionSeen(sessionId: string, seen: readonly string[]): void {
    const [owner = '', epoch, incarnation = '', events, token = ''] = seen;
    // The token of a job's lock is the worker's name and a number.
    this.bellSeen(sessionId, owner, token.slice(0, Math.max(0, token.lastIndexOf(':'))));
    const lock: Lock = { owner, epoch: Number(epoch), incarnation };
    const before = this.locks.get(sessionId);
    if (before?.owner === owner && before.epoch === lock.epoch && before.incarnation === incarnation) return;
    this.locks.set(sessionId, lock);
    if (incarnation === '') return;
    this.settings.recorder.note({
      kind: 'owner',
      sessionId,
      incarnation,
      workerId: owner,
      epoch: lock.epoch,
      events: Number(events),
    });
  }

  /** An owner always holds the doorbells of its sessions. */
  private bellSeen(sessionId: string, owner: string, holder: string): void {
    const workerId = holder === owner ? '' : holder;
    if (workerId === (this.bells.get(sessionId) ?? '')) return;
    this.bells.set(sessionId, workerId);
    this.settings.recorder.note({ kind: 'bell', sessionId, workerId });
  }

  private leaseSeen(workerId: string, leftMs: number): void {
    const before = this.leases.get(workerId);
    const until = leftMs > 0 ? Date.now() + leftMs : 0;
    // Renewed, or ended: two readings of one lease differ slightly.
    if (before !== undefined && (until === 0 ? before === 0 : until < before + everyMs)) return;
    this.leases.set(workerId, until);
    this.settings.recorder.note({ kind: 'lease', workerId, ...(until > 0 ? { until } : {}) });
  }
}
