import { once } from 'node:events';
import type { ReaderEvent } from '@hearth/producer';
import type { Response } from 'express';
import { contextOf } from '../auth/request-context.js';
import { hearthErrorOf, problemOf } from '../http/problem.js';

/** How long a browser waits before it reconnects, ms. */
const comeBackMs = 1_000;

export interface EventStreamOptions {
  heartbeatMs: number;
  /** Ends the stream: the client is gone, or should go to another gateway. */
  signal: AbortSignal;
  /** The cursor where the reader begins, so that a reader that leaves before the first event comes back to the same place. */
  from?: string | undefined;
}

/**
 * Answers with server-sent events at the client's pace: events that the client has not taken are not read from Redis. Resolves when the
 * stream has ended. Leaving cancels nothing.
 */
export async function sendEvents(
  response: Response,
  events: AsyncIterable<ReaderEvent>,
  { heartbeatMs, signal, from }: EventStreamOptions,
): Promise<'sent'> {
  open(response);
  if (response.req.method === 'HEAD') {
    response.end();
    return 'sent';
  }
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still here\n\n');
  }, heartbeatMs);
  try {
    await write(response, `retry: ${comeBackMs}\n${from === undefined ? '' : `id: ${from}\n`}\n`, signal);
    for await (const event of events) {
      if (signal.aborted) break;
      heartbeat.refresh();
      await write(response, format(event), signal);
    }
    if (signal.aborted && !response.destroyed) response.write(': come back\n\n');
  } catch (error) {
    response.write(trouble(response, error));
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
  return 'sent';
}

function open(response: Response): void {
  response.status(200).set({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    // nginx buffers responses unless it is told not to.
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
}

/** One event. JSON has no line breaks, so its data is one line. */
const format = (event: ReaderEvent): string =>
  `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** The event that reports an early end, because the status has been sent already. */
function trouble(response: Response, thrown: unknown): string {
  const { requestId, log } = contextOf(response);
  const error = hearthErrorOf(thrown);
  log.code = error.code;
  if (error.code === 'internal') log.err = thrown;
  return `event: stream.problem\ndata: ${JSON.stringify(problemOf(error, requestId))}\n\n`;
}

async function write(response: Response, text: string, signal: AbortSignal): Promise<void> {
  if (response.write(text) || signal.aborted) return;
  // Rejects when the signal aborts. Then there is nothing left to wait for.
  await once(response, 'drain', { signal }).catch(() => undefined);
}
