import type { TurnRecord, TurnRequest } from '../schema/turn.js';

/** A turn's hash in Redis, without result and messages. */
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
