import type { Producer, Session, SessionFilter, SessionPage, SessionSummary } from '@hearth/producer';
import { HearthError, sessionStates, toErrorBody } from '@hearth/shared';
import { matchesFilter } from '@hearth/shared/internal';
import { z } from 'zod';
import { confine, type Grant } from '../auth/grant.js';
import { problemSchema, statusOf } from '../http/problem.js';
import { noSession, withSession } from './lookups.js';
import { type Route, route } from './route.js';
import { queryNumber, sessionParams, sessionSchema, waitQuery } from './schemas.js';

const filter = {
  prefix: z.string().min(1).max(200).optional().describe('The beginning of their ids'),
  state: z.enum(sessionStates).optional(),
  profile: z.string().min(1).optional(),
  owner: z.string().min(1).optional().describe('workerId of their owner'),
};

const list = route({
  method: 'get',
  path: '/v1/sessions',
  operation: 'listSessions',
  tag: 'Sessions',
  summary: 'Known sessions, the last used first',
  description: 'A confined token sees only its sessions.',
  scope: 'read',
  query: z.strictObject({
    ...filter,
    limit: queryNumber(z.number().int().min(1).max(500)).optional().describe('At most so many (50)'),
    after: z.string().min(1).optional().describe('`next` of the page before'),
  }),
  responses: {
    200: {
      description: 'A page; without `next` it is the last',
      schema: z.object({ sessions: z.array(sessionSchema), next: z.string().optional() }),
    },
  },
  errors: ['redis_unreachable'],
  async handle({ query: { limit = 50, after, ...asked }, grant, services }) {
    return { status: 200, body: await pageOf(services.producer, grant, asked, { limit, ...(after && { after }) }) };
  },
});

const read = route({
  method: 'get',
  path: '/v1/sessions/{sessionId}',
  operation: 'readSession',
  tag: 'Sessions',
  summary: 'One session: owner, state, counters, cost',
  scope: 'read',
  params: sessionParams,
  responses: { 200: { description: 'The session', schema: sessionSchema } },
  errors: ['session_gone', 'redis_unreachable'],
  handle: withSession((_exchange, { summary }) => ({
    status: 200,
    body: summary satisfies z.input<typeof sessionSchema>,
  })),
});

const close = route({
  method: 'delete',
  path: '/v1/sessions/{sessionId}',
  operation: 'closeSession',
  tag: 'Sessions',
  summary: 'Close a session: end its agent, cancel its turns, erase its keys, jobs and files',
  description:
    'Answers when it is gone. Then the name is free again. 504: its owner has not answered; a worker closes it later.',
  scope: 'admin',
  params: sessionParams,
  query: z.strictObject({
    wait: waitQuery('Seconds to wait for its owner (30)'),
  }),
  responses: {
    200: { description: 'Closed', schema: z.object({ sessionId: z.string(), closed: z.literal(true) }) },
  },
  errors: ['session_gone', 'owner_unreachable', 'redis_unreachable'],
  async handle({ params: { sessionId }, query: { wait = 30 }, services }) {
    const closed = await services.producer.session(sessionId).close({ deadlineMs: wait * 1_000 });
    if (!closed) throw noSession(sessionId);
    return { status: 200, body: { sessionId, closed } };
  },
});

const notClosed = z.object({
  sessionId: z.string(),
  status: z.number().int(),
  error: problemSchema.pick({ code: true, wayOut: true }).extend({ message: z.string() }),
});

const closeSeveral = route({
  method: 'delete',
  path: '/v1/sessions',
  operation: 'closeSessions',
  tag: 'Sessions',
  summary: 'Close all sessions that match a filter',
  description:
    'A confined token closes only its sessions. Answers when they are gone. Names sessions that could not be closed yet, ' +
    'and sessions that were passed over because they did not match any more, or were used or have a delayed turn (`state` idle or asleep).',
  scope: 'admin',
  query: z
    .strictObject({
      ...filter,
      wait: waitQuery('Seconds to wait for each owner (30)'),
    })
    .refine((asked) => Object.keys(filter).some((by) => by in asked), {
      error: 'at least one of prefix, state, profile, owner',
    }),
  responses: {
    200: {
      description: 'What became of each',
      schema: z.object({ closed: z.array(z.string()), failed: z.array(notClosed), passedOver: z.array(z.string()) }),
    },
  },
  errors: ['redis_unreachable'],
  async handle({ query: { wait = 30, ...asked }, grant, services: { producer } }) {
    const { sessions } = await pageOf(producer, grant, asked, { limit: Number.POSITIVE_INFINITY });
    return { status: 200, body: await closeAll(producer, sessions, asked, wait * 1_000) };
  },
});

/** Lists sessions that match a filter within a grant. A token for one session learns nothing of others, not even where a page ends. */
async function pageOf(
  producer: Producer,
  grant: Grant,
  asked: SessionFilter,
  page: { limit: number; after?: string },
): Promise<SessionPage> {
  if (grant.sessionId !== undefined) {
    const summary = page.after === undefined ? await producer.session(grant.sessionId).summary() : undefined;
    return { sessions: summary !== undefined && matchesFilter(summary, asked) ? [summary] : [] };
  }
  const prefix = confine(grant, asked.prefix);
  return prefix === undefined ? { sessions: [] } : producer.sessionPage({ ...asked, prefix }, page);
}

/** How many sessions are closed at a time. Each waits for its owner. */
const closedAtOnce = 20;

async function closeAll(
  producer: Producer,
  sessions: readonly SessionSummary[],
  asked: SessionFilter,
  deadlineMs: number,
): Promise<{ closed: string[]; failed: z.output<typeof notClosed>[]; passedOver: string[] }> {
  const closed: string[] = [];
  const failed: z.output<typeof notClosed>[] = [];
  const passedOver: string[] = [];
  for (let at = 0; at < sessions.length; at += closedAtOnce) {
    const some = sessions.slice(at, at + closedAtOnce).map(async (listed) => {
      const { sessionId } = listed;
      try {
        const isClosed = await closeIfStill(producer.session(sessionId), listed, asked, deadlineMs);
        (isClosed ? closed : passedOver).push(sessionId);
      } catch (error) {
        if (!(error instanceof HearthError)) throw error;
        const { code, message, wayOut } = toErrorBody(error);
        failed.push({ sessionId, status: statusOf[code], error: { code, message, ...(wayOut && { wayOut }) } });
      }
    });
    await Promise.all(some);
  }
  return { closed: closed.sort(), failed, passedOver: passedOver.sort() };
}

/** False: it does not match the filter any more. The list may be minutes old, and a caller that asked for idle sessions means no busy one. */
async function closeIfStill(
  session: Session,
  { usedAt }: SessionSummary,
  asked: SessionFilter,
  deadlineMs: number,
): Promise<boolean> {
  const now = await session.summary();
  // A session that another caller closes meanwhile counts as closed.
  if (now === undefined) return true;
  if (now.state !== 'closing' && !matchesFilter(now, asked)) return false;
  const isAtRest = asked.state === 'idle' || asked.state === 'asleep';
  const isClosed = await session.close({ deadlineMs, ...(isAtRest && { usedBefore: usedAt + 1 }) });
  return isClosed || (await session.summary()) === undefined;
}

export const sessionRoutes: readonly Route[] = [list, closeSeveral, read, close];
