import { once } from 'node:events';
import type { ReaderEvent } from '@hearth/producer';
import type { Response } from 'express';
import { contextOf } from '../auth/request-context.js';
import { hearthErrorOf, problemOf } from '../http/problem.js';

/** How long a browser waits before it comes back, ms. */
const comeBackMs = 1_000;

export interface EventStreamOptions {
  heartbeatMs: number;
  /** Ends the stream: the client is gone, or is to come back to another gateway. */
  signal: AbortSignal;
  /** Where the reader begins: so that one who leaves before the first event comes back to the same place. */
  from?: string | undefined;
}

/**
 * Answers with server-sent events, at the client's pace: what it has not taken is not asked for (the reader is fed from the Redis
 * Stream then). Resolves when the stream has ended. Leaving is never a cancel.
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
    // nginx holds responses back unless it is told not to.
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
}

/** One line of data: JSON has no line breaks in it. */
const format = (event: ReaderEvent): string =>
  `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** The status is sent already: what ends a stream early is told in it. */
function trouble(response: Response, thrown: unknown): string {
  const { requestId, log } = contextOf(response);
  const error = hearthErrorOf(thrown);
  log.code = error.code;
  if (error.code === 'internal') log.err = thrown;
  return `event: stream.problem\ndata: ${JSON.stringify(problemOf(error, requestId))}\n\n`;
}

async function write(response: Response, text: string, signal: AbortSignal): Promise<void> {
  if (response.write(text) || signal.aborted) return;
  // Rejects when the signal aborts: then there is nothing left to wait for.
  await once(response, 'drain', { signal }).catch(() => undefined);
}
