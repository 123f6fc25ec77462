import type { Session, SessionSummary, TurnRecord } from '@hearth/producer';
import { HearthError } from '@hearth/shared';
import { turnGone } from '@hearth/shared/internal';
import type { Answer, Exchange } from './route.js';

type Handler<P, Q, B, Found> = (exchange: Exchange<P, Q, B>, found: Found) => Promise<Answer> | Answer;

/** Finds the session of a path. @throws HearthError `session_gone` */
export function withSession<P extends { sessionId: string }, Q, B>(
  handle: Handler<P, Q, B, { session: Session; summary: SessionSummary }>,
): (exchange: Exchange<P, Q, B>) => Promise<Answer> {
  return async (exchange) => {
    const session = exchange.services.producer.session(exchange.params.sessionId);
    const summary = await session.summary();
    if (summary === undefined) throw noSession(session.sessionId);
    return handle(exchange, { session, summary });
  };
}

/** Finds the turn of a path. @throws HearthError `turn_gone` */
export function withTurn<P extends { sessionId: string; turnId: string }, Q, B>(
  handle: Handler<P, Q, B, { session: Session; turn: TurnRecord }>,
): (exchange: Exchange<P, Q, B>) => Promise<Answer> {
  return async (exchange) => {
    const { sessionId, turnId } = exchange.params;
    const session = exchange.services.producer.session(sessionId);
    const turn = await session.turn(turnId);
    if (turn === undefined) throw turnGone(sessionId, turnId);
    return handle(exchange, { session, turn });
  };
}

export const noSession = (sessionId: string): HearthError =>
  new HearthError('session_gone', `There is no session ${sessionId}.`, {
    field: 'sessionId',
    expected: 'a session that was opened and not closed',
    wayOut: 'Submit a turn: the first one opens the session.',
  });
