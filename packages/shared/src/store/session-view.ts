import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import type { Message, TurnRecord, TurnResult } from '../schema/turn.js';
import { decodeSessionId, shardCount } from '../session-id.js';
import { parseEntry } from './entry.js';
import { parseTurnHash } from './turn-hash.js';

/**
 * The states of a session: it is closing; a turn runs (`busy`); turns wait and none runs; an owner has its agent ready (`idle`);
 * or it has neither turn nor owner, and its next turn resumes it (`asleep`).
 */
export const sessionStates = ['closing', 'busy', 'waiting', 'idle', 'asleep'] as const;
export type SessionState = (typeof sessionStates)[number];

/** A session as a list shows it. */
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

/** Which sessions a list is to hold. */
export interface SessionFilter {
  /** The beginning of their ids. */
  prefix?: string | undefined;
  state?: SessionState | undefined;
  profile?: string | undefined;
  /** workerId of their owner. */
  owner?: string | undefined;
}

export interface SessionPage {
  sessions: SessionSummary[];
  /** Where the next page begins; absent: this was the last. */
  next?: string;
}

/** Sessions looked at together while a page is filled. */
const lookedAtOnce = 50;

/** Reads what Redis knows of sessions. Changes nothing; holds no state but its connection. */
export class SessionView {
  constructor(
    readonly redis: Redis,
    readonly keys: Keys,
  ) {}

  /** One turn, while it waits, runs, or is remembered. */
  async turn(sessionId: string, seq: number): Promise<TurnRecord | undefined> {
    const hash = await this.redis.hgetall(`${this.keys.session(sessionId).turnPrefix}${seq}`);
    if (hash['id'] === undefined) return undefined;
    const record: TurnRecord = parseTurnHash(sessionId, seq, hash);
    if (hash['result'] !== undefined) record.result = parseEntry<TurnResult>(hash['result']);
    if (hash['messages'] !== undefined) record.messages = JSON.parse(hash['messages']) as Message[];
    return record;
  }

  /** The seq of a turn that waits, runs or is remembered, by its turnId. */
  async seqOf(sessionId: string, turnId: string): Promise<number | undefined> {
    const seq = await this.redis.hget(this.keys.session(sessionId).turnIds, turnId);
    return seq === null ? undefined : Number(seq);
  }

  /** The seq of the turn that is first in the log. */
  async firstInLog(sessionId: string): Promise<number | undefined> {
    const [seq] = await this.redis.zrange(this.keys.session(sessionId).log, '0', '0');
    return seq === undefined ? undefined : Number(seq);
  }

  /** At most `count` turns that are remembered, in order, the last of them before seq `before` (absent: the last there is). */
  async turns(sessionId: string, count: number, before?: number): Promise<TurnRecord[]> {
    const last = Number((await this.redis.hget(this.keys.session(sessionId).session, 'seq')) ?? 0);
    const end = Math.min(last, (before ?? Number.POSITIVE_INFINITY) - 1);
    const seqs = Array.from({ length: Math.max(0, Math.min(count, end)) }, (_, at) => end - at).reverse();
    const turns = await Promise.all(seqs.map((seq) => this.turn(sessionId, seq)));
    return turns.filter((turn) => turn !== undefined);
  }

  /** The transcript's chunks from `from` on, at most `count`. */
  async transcript(sessionId: string, from: number, count: number): Promise<Buffer[]> {
    return this.redis.lrangeBuffer(this.keys.session(sessionId).transcript, from, from + count - 1);
  }

  /** How many chunks of the transcript are committed. */
  async committedChunks(sessionId: string): Promise<number> {
    return Number((await this.redis.hget(this.keys.session(sessionId).session, 'transcript')) ?? 0);
  }

  /** All known sessions, the last used first. Reads every shard. */
  async sessions(): Promise<SessionSummary[]> {
    return (await this.sessionPage({}, Number.POSITIVE_INFINITY)).sessions;
  }

  /** Known sessions that pass a filter, the last used first, at most `limit`; `after`: where the page before ended. */
  async sessionPage(filter: SessionFilter, limit: number, after?: string): Promise<SessionPage> {
    const candidates = (await this.members()).filter(
      ({ sessionId, order }) =>
        (filter.prefix === undefined || sessionId.startsWith(filter.prefix)) && (after === undefined || order < after),
    );
    const page: SessionPage = { sessions: [] };
    for (let at = 0; at < candidates.length; at += lookedAtOnce) {
      const some = candidates.slice(at, at + lookedAtOnce);
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

  /** Which session of that name there is now. */
  async incarnation(sessionId: string): Promise<string | undefined> {
    return (await this.redis.hget(this.keys.session(sessionId).session, 'incarnation')) ?? undefined;
  }

  /** Whether a session was opened for one turn alone. */
  async isSingleTurn(sessionId: string): Promise<boolean> {
    return (await this.redis.hexists(this.keys.session(sessionId).session, 'singleTurn')) === 1;
  }

  /** One session, if it is known. */
  async session(sessionId: string): Promise<SessionSummary | undefined> {
    const { session, log, turnPrefix } = this.keys.session(sessionId);
    const [hash, waiting, [first]] = await Promise.all([
      this.redis.hgetall(session),
      this.redis.zcard(log),
      this.redis.zrange(log, '0', '0'),
    ]);
    if (hash['incarnation'] === undefined) return undefined;
    const running = first !== undefined && (await this.redis.hget(`${turnPrefix}${first}`, 'state')) === 'running';
    const rest: SessionState = waiting > 0 ? 'waiting' : hash['owner'] ? 'idle' : 'asleep';
    return {
      sessionId,
      incarnation: hash['incarnation'],
      state: hash['closing'] !== undefined ? 'closing' : running ? 'busy' : rest,
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

  /** Every known session with its place in lists: `<last use, 15 digits> <id>`, the greatest first. */
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

/** Whether a session is among those a filter asks for. */
export const matchesFilter = (summary: SessionSummary, { prefix, state, profile, owner }: SessionFilter): boolean =>
  (prefix === undefined || summary.sessionId.startsWith(prefix)) &&
  (state === undefined || summary.state === state) &&
  (profile === undefined || summary.profile === profile) &&
  (owner === undefined || summary.owner === owner);
