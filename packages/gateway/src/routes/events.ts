import { formatCursor } from '@hearth/shared';
import { sendEvents } from '../sse/event-stream.js';
import { cursorHeader, cursorOf, cursorQuery, eventStream } from './cursor.js';
import { withTurn } from './lookups.js';
import { type Route, route } from './route.js';
import { sessionParams, turnParams } from './schemas.js';

const ofSession = route({
  method: 'get',
  path: '/v1/sessions/{sessionId}/events',
  operation: 'streamSession',
  tag: 'Sessions',
  summary: 'The events of a session, until you leave',
  description:
    'From now on, or after an event; also for a session that is not open yet. `after=.0` is the oldest kept event.',
  scope: 'read',
  params: sessionParams,
  query: cursorQuery,
  headers: cursorHeader,
  responses: { 200: eventStream },
  errors: ['redis_unreachable'],
  async handle({ params, query, request, response, signal, services: { producer, options } }) {
    const session = producer.session(params.sessionId);
    const summary = await session.summary();
    const end = formatCursor({ incarnation: summary?.incarnation ?? '', id: summary?.lastEvent ?? 0 });
    const from = cursorOf(request, query) ?? end;
    return sendEvents(response, session.events({ after: from, signal }), {
      signal,
      from,
      heartbeatMs: options.heartbeatMs,
    });
  },
});

const ofTurn = route({
  method: 'get',
  path: '/v1/sessions/{sessionId}/turns/{turnId}/events',
  operation: 'streamTurn',
  tag: 'Turns',
  summary: 'The events of a turn, from its first to its end',
  description:
    'Or after an event. A reader that has the end of the turn already gets 204, which tells a browser not to come back.',
  scope: 'read',
  params: turnParams,
  query: cursorQuery,
  headers: cursorHeader,
  responses: { 200: eventStream, 204: { description: 'Nothing follows: the reader has the end of the turn' } },
  errors: ['turn_gone', 'redis_unreachable'],
  handle: withTurn(async ({ query, request, response, signal, services: { options } }, { session, turn }) => {
    const after = cursorOf(request, query);
    const followed = await session.follow(turn.turnId, { ...(after && { after }) });
    if (followed.isRead) return { status: 204 };
    return sendEvents(response, followed.events({ signal }), { signal, heartbeatMs: options.heartbeatMs });
  }),
});

export const eventRoutes: readonly Route[] = [ofSession, ofTurn];
