import { HearthError, turnIdSchema } from '@hearth/shared';
import { z } from 'zod';
import { withSession } from './lookups.js';
import { type Route, route } from './route.js';
import { interruptionSchema, sessionParams, waitQuery, warmedSchema } from './schemas.js';

const interrupt = route({
  method: 'post',
  path: '/v1/sessions/{sessionId}/interrupt',
  operation: 'interrupt',
  tag: 'Sessions',
  summary: 'Stop a turn; its agent lives on',
  description:
    'Stops the running turn, or the next one, or the one that is named. It ends with `interrupted` and its text so far. `idle`: there was no turn. `ended`: it ended before it could be stopped. ' +
    '504: its owner has not stopped it yet. The request is kept for that turn, and hits no later one.',
  scope: 'prompt',
  params: sessionParams,
  query: z.strictObject({ wait: waitQuery('Seconds to wait for it (15)') }),
  body: z.strictObject({ turnId: turnIdSchema.optional() }),
  bodyIsOptional: true,
  responses: { 200: { description: 'What it came to', schema: interruptionSchema } },
  errors: ['turn_gone', 'owner_unreachable', 'redis_unreachable'],
  async handle({ params, query: { wait = 15 }, body, services }) {
    const session = services.producer.session(params.sessionId);
    return { status: 200, body: await session.interrupt({ ...body, deadlineMs: wait * 1_000 }) };
  },
});

const warm = route({
  method: 'post',
  path: '/v1/sessions/{sessionId}/warm',
  operation: 'warm',
  tag: 'Sessions',
  summary: 'Start the agent of a session before its next prompt',
  description:
    'Binds a spare, or resumes. Opens a new session. Answers when the agent is ready, or with the reason why it does not start.',
  scope: 'prompt',
  params: sessionParams,
  query: z.strictObject({ wait: waitQuery('Seconds to wait for it (30)') }),
  body: z.strictObject({ profile: z.string().min(1).optional() }),
  bodyIsOptional: true,
  responses: { 200: { description: 'The agent that waits', schema: warmedSchema } },
  errors: [
    'profile_mismatch',
    'profile_unknown',
    'session_closing',
    'claude_not_found',
    'agent_start_failed',
    'agent_start_timeout',
    'agent_protocol',
    'owner_unreachable',
    'redis_unreachable',
  ],
  async handle({ params, query: { wait = 30 }, body, services }) {
    const session = services.producer.session(params.sessionId);
    return { status: 200, body: await session.warm({ ...body, deadlineMs: wait * 1_000 }) };
  },
});

const transcript = route({
  method: 'get',
  path: '/v1/sessions/{sessionId}/transcript',
  operation: 'readTranscript',
  tag: 'Sessions',
  summary: "Claude's own record of the conversation, up to the last commit",
  scope: 'read',
  params: sessionParams,
  query: z.strictObject({ file: z.string().min(1).optional().describe('`main` (default), or a file of a sub-agent') }),
  responses: { 200: { description: 'JSONL', contentType: 'application/jsonl', schema: z.string() } },
  errors: ['session_gone', 'not_found', 'redis_unreachable'],
  handle: withSession(async ({ query: { file = 'main' }, response }, { session }) => {
    const files = await session.transcript();
    const text = files.get(file) ?? (file === 'main' ? '' : undefined);
    if (text === undefined) {
      throw new HearthError('not_found', `The transcript has no file ${file}.`, {
        field: 'file',
        expected: ['main', ...files.keys()].filter((name, at, all) => all.indexOf(name) === at).join(', '),
        wayOut: 'Name one of these.',
      });
    }
    response.type('application/jsonl; charset=utf-8');
    return { status: 200, text };
  }),
});

export const agentRoutes: readonly Route[] = [interrupt, warm, transcript];
