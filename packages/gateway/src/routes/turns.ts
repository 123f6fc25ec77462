import type { TurnHandle, TurnResult } from '@hearth/producer';
import {
  HearthError,
  metadataSchema,
  onBusySchema,
  onInterruptedSchema,
  prioritySchema,
  promptSchema,
  turnIdSchema,
  turnResultSchema,
} from '@hearth/shared';
import { checkPrompt } from '@hearth/shared/internal';
import { z } from 'zod';
import { sendEvents } from '../sse/event-stream.js';
import { cursorHeader, cursorOf, cursorQuery, eventStream } from './cursor.js';
import { withSession, withTurn } from './lookups.js';
import { parsePart } from './parse.js';
import { type Route, route } from './route.js';
import { acceptedSchema, queryNumber, sessionParams, turnParams, turnSchema, waitQuery } from './schemas.js';

const promptBody = z.strictObject({
  prompt: promptSchema,
  turnId: turnIdSchema.optional(),
  metadata: metadataSchema.optional(),
  profile: z.string().min(1).optional().describe('Of a new session; must not differ from that of a known one'),
  onInterrupted: onInterruptedSchema.optional(),
  onBusy: onBusySchema.optional(),
  expiresIn: z.number().int().positive().optional().describe('ms it may wait before it begins'),
  delay: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('ms until it is due. Until then it has no seq; it can be cancelled by its turnId, but not read'),
  priority: prioritySchema.optional(),
});

const submit = route({
  method: 'post',
  path: '/v1/sessions/{sessionId}/turns',
  operation: 'submitTurn',
  tag: 'Turns',
  summary: 'Submit a turn',
  description:
    'Answers 202 as soon as the turn is accepted. From then on it is not lost. With `wait` it answers 200 with the result when the turn ends in time, also when it failed. ' +
    'With `Accept: text/event-stream` it streams the turn. A known `turnId` (or `Idempotency-Key`) is the same turn. Leaving cancels nothing.',
  scope: 'prompt',
  params: sessionParams,
  query: cursorQuery.extend({ wait: waitQuery('Seconds to wait for the result (none)') }),
  headers: { ...cursorHeader, 'Idempotency-Key': 'Another way to give `turnId`, which counts when both are given.' },
  body: promptBody,
  explain: (body) => void checkPrompt((body as { prompt?: unknown } | null)?.prompt),
  responses: {
    200: [{ description: 'The result, within `wait` seconds', schema: turnResultSchema }, eventStream],
    202: { description: 'Accepted', schema: acceptedSchema },
  },
  errors: [
    'prompt_too_large',
    'profile_mismatch',
    'session_busy',
    'backlog_full',
    'session_closing',
    'redis_unreachable',
  ],
  async handle({ params, query, body, request, response, signal, services }) {
    const { prompt, ...options } = body;
    const session = services.producer.session(params.sessionId);
    const after = cursorOf(request, query);
    const turnId = options.turnId ?? idempotencyKey(request.get('idempotency-key'));
    const turn = await session.prompt(prompt, { ...options, turnId });
    if (request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream') {
      const followed = after === undefined ? turn : await session.follow(turn.turnId, { after });
      return sendEvents(response, followed.events({ signal }), { signal, heartbeatMs: services.options.heartbeatMs });
    }
    const result = query.wait === undefined ? undefined : await endingWithin(turn, query.wait * 1_000, signal);
    if (result !== undefined) return { status: 200, body: result };
    const { sessionId, seq, position } = turn;
    return { status: 202, body: { sessionId, turnId: turn.turnId, seq, position } };
  },
});

const idempotencyKey = (header: string | undefined): string | undefined =>
  header === undefined
    ? undefined
    : parsePart(z.object({ turnId: turnIdSchema }), { turnId: header }, 'Idempotency-Key header').turnId;

/** Waits for the turn's result. Undefined: it has none in time, or the caller left. */
async function endingWithin(turn: TurnHandle, ms: number, signal: AbortSignal): Promise<TurnResult | undefined> {
  // Not by `AbortSignal.any` with a timeout: in Node 20 nothing references that timeout, so it can be collected and never fire.
  const controller = new AbortController();
  const leave = (): void => controller.abort();
  const timer = setTimeout(leave, ms);
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  try {
    for await (const event of turn.events({ signal: controller.signal })) {
      if (event.type === 'turn.finished' || event.type === 'turn.failed') return event.result;
    }
    return undefined;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  }
}

const read = route({
  method: 'get',
  path: '/v1/sessions/{sessionId}/turns/{turnId}',
  operation: 'readTurn',
  tag: 'Turns',
  summary: 'One turn: its prompt, and after its end its result and messages',
  scope: 'read',
  params: turnParams,
  responses: { 200: { description: 'The turn', schema: turnSchema } },
  errors: ['turn_gone', 'redis_unreachable'],
  handle: withTurn((_exchange, { turn }) => ({ status: 200, body: turn satisfies z.input<typeof turnSchema> })),
});

const cancel = route({
  method: 'delete',
  path: '/v1/sessions/{sessionId}/turns/{turnId}',
  operation: 'cancelTurn',
  tag: 'Turns',
  summary: 'Cancel a turn that waits',
  description: 'It fails with `cancelled`. A turn that was begun is stopped by an interrupt instead.',
  scope: 'prompt',
  params: turnParams,
  responses: {
    200: {
      description: 'Cancelled, now or before',
      schema: z.object({ sessionId: z.string(), turnId: z.string(), cancelled: z.literal(true) }),
    },
  },
  errors: ['turn_gone', 'turn_running', 'turn_ended', 'redis_unreachable'],
  async handle({ params: { sessionId, turnId }, services }) {
    const cancellation = await services.producer.session(sessionId).cancel(turnId);
    if (cancellation === 'running') {
      throw new HearthError('turn_running', `Turn ${turnId} was begun already.`, {
        field: 'turnId',
        expected: 'a turn that waits',
        wayOut: 'Interrupt it: POST …/interrupt.',
      });
    }
    if (cancellation === 'ended') {
      throw new HearthError('turn_ended', `Turn ${turnId} has its result.`, {
        field: 'turnId',
        expected: 'a turn that waits',
        wayOut: 'Read it: GET …/turns/{turnId}.',
      });
    }
    return { status: 200, body: { sessionId, turnId, cancelled: true } };
  },
});

const list = route({
  method: 'get',
  path: '/v1/sessions/{sessionId}/turns',
  operation: 'listTurns',
  tag: 'Turns',
  summary: 'The remembered turns of a session: the last page first, in order within a page',
  scope: 'read',
  params: sessionParams,
  query: z.strictObject({
    limit: queryNumber(z.number().int().min(1).max(200)).optional().describe('At most so many (20)'),
    before: queryNumber(z.number().int().min(1))
      .optional()
      .describe('Only turns before this seq: `before` of the page before'),
  }),
  responses: {
    200: {
      description: 'A page; without `before` it is the last',
      schema: z.object({ turns: z.array(turnSchema), before: z.number().int().optional() }),
    },
  },
  errors: ['session_gone', 'redis_unreachable'],
  handle: withSession(async ({ query: { limit = 20, before } }, { session }) => {
    const turns = await session.turns({ last: limit, ...(before === undefined ? {} : { before }) });
    const first = turns[0]?.seq ?? 1;
    // Fewer than requested: earlier turns are forgotten.
    const more = turns.length === limit && first > 1 ? { before: first } : {};
    return { status: 200, body: { turns, ...more } };
  }),
});

export const turnRoutes: readonly Route[] = [submit, list, read, cancel];
