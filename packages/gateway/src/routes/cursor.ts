import type { Request } from 'express';
import { z } from 'zod';
import { parsePart } from './parse.js';
import type { Documented } from './route.js';
import { streamedSchema } from './schemas.js';

/** The id of an event. */
const cursorSchema = z.string().regex(/^[0-9a-f]*\.\d{1,15}$/, 'the id of an event of a stream');

export const cursorQuery = z.strictObject({
  after: cursorSchema.optional(),
  lastEventId: cursorSchema
    .optional()
    .describe('Like `after`, and counts when both are given, because libraries add it when they come back'),
});

export const cursorHeader = {
  'Last-Event-ID':
    'Like `after`, and counts when both are given, because a browser that comes back uses the address it began with.',
};

/** Where a reader wants to continue. The header is later than the query. An empty header counts as none. */
export function cursorOf(request: Request, { after, lastEventId }: z.infer<typeof cursorQuery>): string | undefined {
  const header = request.get('last-event-id') || undefined;
  return header === undefined ? (lastEventId ?? after) : parsePart(cursorSchema, header, 'Last-Event-ID header');
}

export const eventStream: Documented = {
  description:
    'Server-sent events: `id` is a cursor to come back with, `event` the type, `data` the event as JSON. `stream.expired` says once that requested events are not kept any more; ' +
    '`stream.problem` (a problem document) ends a stream that cannot continue. Comments are heartbeats.',
  contentType: 'text/event-stream',
  schema: streamedSchema,
};
