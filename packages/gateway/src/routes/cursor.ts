import type { Request } from 'express';
import { z } from 'zod';
import { parsePart } from './parse.js';
import type { Documented } from './route.js';
import { streamedSchema } from './schemas.js';

/** The id of an event, as a reader got it. */
const cursorSchema = z.string().regex(/^[0-9a-f]*\.\d{1,15}$/, 'the id of an event, as a stream gave it');

export const cursorQuery = z.strictObject({ after: cursorSchema.optional() });

export const cursorHeader = {
  'Last-Event-ID':
    'As `after`; counts when both are given: a browser that comes back sends it to the address it began with.',
};

/** Where a reader wants to go on, if it says so. The header is the later of the two; an empty one is none. */
export function cursorOf(request: Request, after: string | undefined): string | undefined {
  const header = request.get('last-event-id') || undefined;
  return header === undefined ? after : parsePart(cursorSchema, header, 'Last-Event-ID header');
}

export const eventStream: Documented = {
  description:
    'Server-sent events: `id` is a cursor to come back with, `event` the type, `data` the event as JSON. `stream.expired` says once that what was asked for is no longer kept; ' +
    '`stream.problem` (a problem document) ends a stream that cannot go on. Comments are heartbeats.',
  contentType: 'text/event-stream',
  schema: streamedSchema,
};
