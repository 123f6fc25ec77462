import { permissionAnswerSchema, permissionRequestSchema } from '@hearth/shared';
import { z } from 'zod';
import { withSession } from './lookups.js';
import { type Route, route } from './route.js';
import { sessionParams } from './schemas.js';

const list = route({
  method: 'get',
  path: '/v1/sessions/{sessionId}/permissions',
  operation: 'listPermissions',
  tag: 'Permissions',
  summary: 'Permission requests that wait, the oldest first',
  scope: 'read',
  params: sessionParams,
  responses: {
    200: { description: 'The requests that wait', schema: z.object({ permissions: z.array(permissionRequestSchema) }) },
  },
  errors: ['session_gone', 'redis_unreachable'],
  handle: withSession(async (_exchange, { session }) => ({
    status: 200,
    body: { permissions: await session.permissions() },
  })),
});

const answer = route({
  method: 'post',
  path: '/v1/sessions/{sessionId}/permissions/{requestId}',
  operation: 'answerPermission',
  tag: 'Permissions',
  summary: 'Allow or deny, once',
  description: 'The first answer counts.',
  scope: 'prompt',
  params: sessionParams.extend({ requestId: z.string().min(1).max(200) }),
  body: permissionAnswerSchema,
  invalidBody: 'invalid_answer',
  responses: {
    200: {
      description: 'It counts',
      schema: z.object({ sessionId: z.string(), requestId: z.string(), decision: z.enum(['allow', 'deny']) }),
    },
  },
  errors: ['request_gone', 'already_resolved', 'redis_unreachable'],
  async handle({ params: { sessionId, requestId }, body, services }) {
    await services.producer.session(sessionId).answer(requestId, body);
    return { status: 200, body: { sessionId, requestId, decision: body.decision } };
  },
});

export const permissionRoutes: readonly Route[] = [list, answer];
