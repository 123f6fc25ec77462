import { HearthError, workerRecordSchema } from '@hearth/shared';
import { z } from 'zod';
import { type Route, route } from './route.js';
import { queueSchema } from './schemas.js';

const workers = route({
  method: 'get',
  path: '/v1/workers',
  operation: 'listWorkers',
  tag: 'Cluster',
  summary: 'Live workers with their slots, and the depth of the queues',
  scope: 'read',
  wholeCluster: true,
  responses: {
    200: {
      description: 'Workers by worker number; the intake queue and the worker queues',
      schema: z.object({ workers: z.array(workerRecordSchema), queues: z.array(queueSchema) }),
    },
  },
  errors: ['redis_unreachable'],
  async handle({ services: { producer } }) {
    const [live, queues] = await Promise.all([producer.workers(), producer.queues()]);
    return { status: 200, body: { workers: live, queues } };
  },
});

const health = route({
  method: 'get',
  path: '/healthz',
  operation: 'health',
  tag: 'Gateway',
  summary: 'Whether the gateway lives',
  responses: { 200: { description: 'It lives', schema: z.object({ status: z.literal('alive') }) } },
  handle: () => ({ status: 200, body: { status: 'alive' } }),
});

const readiness = route({
  method: 'get',
  path: '/readyz',
  operation: 'readiness',
  tag: 'Gateway',
  summary: 'Whether turns can be served: Redis answers, a worker lives, and the gateway is not stopping',
  responses: {
    200: { description: 'They can', schema: z.object({ status: z.literal('ready'), workers: z.number().int() }) },
  },
  errors: ['not_ready', 'redis_unreachable'],
  async handle({ services: { producer, stopping } }) {
    if (stopping.aborted) throw notReady('The gateway is stopping.', 'Ask another gateway.');
    const workers = await producer.workers();
    const serving = workers.filter(({ state }) => state === 'serving');
    const full = workers.find(({ state }) => state === 'not_ready');
    if (serving.length === 0 && full !== undefined)
      throw notReady(
        `Worker ${full.workerNumber} on ${full.host} cannot write its files.`,
        'Its log names the folder.',
      );
    if (serving.length === 0) throw notReady('No worker serves.', 'Start one: hearth worker.');
    return { status: 200, body: { status: 'ready', workers: serving.length } };
  },
});

const notReady = (message: string, wayOut: string): HearthError => new HearthError('not_ready', message, { wayOut });

export const clusterRoutes: readonly Route[] = [workers, health, readiness];
