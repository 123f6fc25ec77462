import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import type { Message, TurnRecord, TurnRequest, TurnResult } from '../schema/turn.js';
import { decodeSessionId, shardCount } from '../session-id.js';
import { parseEntry } from './entry.js';

/** `busy`: a turn runs. `idle`: no turn, and an owner has the agent ready. `asleep`: neither turn nor owner; the next turn resumes. */
export const sessionStates = ['closing', 'busy', 'waiting', 'idle', 'asleep'] as const;
export type SessionState = (typeof sessionStates)[number];

export interface SessionSummary {
  sessionId: string;
  incarnation: string;
  state: SessionState;
  profile: string;
  owner: string | undefined;
  workerNumber: number | undefined;
  epoch: number;
  waiting: number;
  turns: number;
  costUsd: number;
  createdAt: number;
  usedAt: number;
  claudeSessionId: string | undefined;
  /** Id of its last event. */
  lastEvent: number;
}

export interface SessionFilter {
  /** Beginning of the session id. */
  prefix?: string | undefined;
  state?: SessionState | undefined;
  profile?: string | undefined;
  /** workerId of the owner. */
  owner?: string | undefined;
}

export interface SessionPage {
  sessions: SessionSummary[];
  /** Pass it as `after` to get the next page. Absent on the last page. */
  next?: string;
}

/** How many sessions are read in parallel. */
const batchSize = 50;

/** Reads sessions and turns. Stateless. */
export class SessionView {
  constructor(
    readonly redis: Redis,
    readonly keys: Keys,
  ) {}

  /** Redis' clock, ms since 1970. Sessions and turns are dated by it. */
  async nowMs(): Promise<number> {
    const [seconds, micros] = await this.redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  async turn(sessionId: string, seq: number): Promise<TurnRecord | undefined> {
    const hash = await this.redis.hgetall(`${this.keys.session(sessionId).turnPrefix}${seq}`);
    if (hash['id'] === undefined) return undefined;
    const record: TurnRecord = parseTurnHash(sessionId, seq, hash);
    if (hash['result'] !== undefined) record.result = parseEntry<TurnResult>(hash['result']);
    if (hash['messages'] !== undefined) record.messages = JSON.parse(hash['messages']) as Message[];
    return record;
  }

  async seqOf(sessionId: string, turnId: string): Promise<number | undefined> {
    const seq = await this.redis.hget(this.keys.session(sessionId).turnIds, turnId);
    return seq === null ? undefined : Number(seq);
  }

  async firstInLog(sessionId: string): Promise<number | undefined> {
    const [seq] = await this.redis.zrange(this.keys.session(sessionId).log, '0', '0');
    return seq === undefined ? undefined : Number(seq);
  }

  /** The last turns before seq `before` (absent: the newest), in order, without forgotten ones. Reads at most `count`. */
  async turns(sessionId: string, count: number, before?: number): Promise<TurnRecord[]> {
    const last = Number((await this.redis.hget(this.keys.session(sessionId).session, 'seq')) ?? 0);
    const end = Math.min(last, (before ?? Number.POSITIVE_INFINITY) - 1);
    const seqs = Array.from({ length: Math.max(0, Math.min(count, end)) }, (_, at) => end - at).reverse();
    const turns = await Promise.all(seqs.map((seq) => this.turn(sessionId, seq)));
    return turns.filter((turn) => turn !== undefined);
  }

  async transcript(sessionId: string, from: number, count: number): Promise<Buffer[]> {
    return this.redis.lrangeBuffer(this.keys.session(sessionId).transcript, from, from + count - 1);
  }

  async committedChunks(sessionId: string): Promise<number> {
    return Number((await this.redis.hget(this.keys.session(sessionId).session, 'transcript')) ?? 0);
  }

  /** All sessions, the last used first. Reads every shard. */
  async sessions(): Promise<SessionSummary[]> {
    return (await this.sessionPage({}, Number.POSITIVE_INFINITY)).sessions;
  }

  /** At most `limit` sessions that match a filter, the last used first. `after`: `next` of the previous page. */
  async sessionPage(filter: SessionFilter, limit: number, after?: string): Promise<SessionPage> {
    const candidates = (await this.members()).filter(
      ({ sessionId, order }) =>
        (filter.prefix === undefined || sessionId.startsWith(filter.prefix)) && (after === undefined || order < after),
    );
    const page: SessionPage = { sessions: [] };
    for (let at = 0; at < candidates.length; at += batchSize) {
      const some = candidates.slice(at, at + batchSize);
      const summaries = await Promise.all(some.map(({ sessionId }) => this.session(sessionId)));
      for (const [index, summary] of summaries.entries()) {
        if (summary === undefined || !matchesFilter(summary, filter)) continue;
        if (page.sessions.length === limit) return page;
        page.sessions.push(summary);
        const order = some[index]?.order;
        if (page.sessions.length === limit && order !== undefined) page.next = order;
      }
    }
    delete page.next;
    return page;
  }

  async incarnation(sessionId: string): Promise<string | undefined> {
    return (await this.redis.hget(this.keys.session(sessionId).session, 'incarnation')) ?? undefined;
  }

  async isSingleTurn(sessionId: string): Promise<boolean> {
    return (await this.redis.hexists(this.keys.session(sessionId).session, 'singleTurn')) === 1;
  }

  async session(sessionId: string): Promise<SessionSummary | undefined> {
    const { session, log, turnPrefix } = this.keys.session(sessionId);
    const [hash, waiting, [first]] = await Promise.all([
      this.redis.hgetall(session),
      this.redis.zcard(log),
      this.redis.zrange(log, '0', '0'),
    ]);
    if (hash['incarnation'] === undefined) return undefined;
    const running = first !== undefined && (await this.redis.hget(`${turnPrefix}${first}`, 'state')) === 'running';
    const stateAtRest: SessionState = waiting > 0 ? 'waiting' : hash['owner'] ? 'idle' : 'asleep';
    return {
      sessionId,
      incarnation: hash['incarnation'],
      state: hash['closing'] !== undefined ? 'closing' : running ? 'busy' : stateAtRest,
      profile: hash['profile'] ?? '',
      owner: hash['owner'] || undefined,
      workerNumber: hash['workerNumber'] ? Number(hash['workerNumber']) : undefined,
      epoch: Number(hash['epoch']),
      waiting,
      turns: Number(hash['turns']),
      costUsd: Number(hash['cost']),
      createdAt: Number(hash['created']),
      usedAt: Number(hash['used']),
      claudeSessionId: hash['claude'] || undefined,
      lastEvent: Number(hash['events']),
    };
  }

  /** All sessions with their sort key `<last use, 15 digits> <id>`, the greatest first. */
  private async members(): Promise<{ sessionId: string; order: string }[]> {
    const shards = await Promise.all(
      Array.from({ length: shardCount }, (_, shard) =>
        this.redis.zrange(this.keys.sessions(shard), '0', '-1', 'WITHSCORES'),
      ),
    );
    const members: { sessionId: string; order: string }[] = [];
    for (const shard of shards) {
      for (let at = 0; at < shard.length; at += 2) {
        const sessionId = decodeSessionId(shard[at] ?? '');
        members.push({ sessionId, order: `${(shard[at + 1] ?? '').padStart(15, '0')} ${sessionId}` });
      }
    }
    return members.sort((a, b) => (a.order < b.order ? 1 : -1));
  }
}

export const matchesFilter = (summary: SessionSummary, { prefix, state, profile, owner }: SessionFilter): boolean =>
  (prefix === undefined || summary.sessionId.startsWith(prefix)) &&
  (state === undefined || summary.state === state) &&
  (profile === undefined || summary.profile === profile) &&
  (owner === undefined || summary.owner === owner);

/** Parses a turn's hash, except result and messages. */
export function parseTurnHash(sessionId: string, seq: number, hash: Record<string, string | undefined>): TurnRecord {
  return {
    sessionId,
    turnId: hash['id'] ?? '',
    seq,
    submittedAt: Number(hash['at']),
    state: (hash['state'] ?? 'queued') as TurnRecord['state'],
    request: JSON.parse(hash['request'] ?? '{}') as TurnRequest,
    attempts: Number(hash['attempts']),
    ...(hash['cursor'] === undefined ? {} : { cursor: Number(hash['cursor']) }),
    ...(hash['outcomeEvent'] === undefined ? {} : { outcomeEvent: Number(hash['outcomeEvent']) }),
    ...(hash['expires'] === undefined ? {} : { expiresAt: Number(hash['expires']) }),
    toolsReached: (hash['tools'] ?? '').split('\n').filter((name) => name !== ''),
  };
}
