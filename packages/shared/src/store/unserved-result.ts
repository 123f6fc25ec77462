import { type HearthError, toErrorBody } from '../errors/hearth-error.js';
import type { TurnRecord, TurnResult } from '../schema/turn.js';

/** The result of a turn that is not served (any more). `workerId`: empty unless a worker decided that. */
export function unservedResult(
  turn: Pick<TurnRecord, 'sessionId' | 'turnId' | 'seq' | 'attempts' | 'request'>,
  error: HearthError,
  waitedMs: number,
  workerId = '',
): Extract<TurnResult, { status: 'failed' }> {
  const { sessionId, turnId, seq, attempts, request } = turn;
  return {
    status: 'failed',
    error: toErrorBody(error),
    sessionId,
    turnId,
    seq,
    text: '',
    attempt: attempts,
    costUsd: 0,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    workerId,
    durable: true,
    toolCount: 0,
    timings: { queuedMs: waitedMs, toolsMs: 0, askedMs: 0, totalMs: waitedMs },
    ...(request.metadata === undefined ? {} : { metadata: request.metadata }),
  };
}
