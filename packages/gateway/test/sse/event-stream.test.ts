import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ReaderEvent } from '@hearth/producer';
import { HearthError } from '@hearth/shared';
import { createLogger } from '@hearth/shared/internal';
import express, { type Response } from 'express';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../../../../test/support/facts.js';
import { requestLog } from '../../src/http/request-log.js';
import { sendEvents } from '../../src/sse/event-stream.js';

const event = (id: number, text: string): ReaderEvent => ({
  type: 'text.delta',
  seq: 1,
  messageId: 'm',
  text,
  id: `ab.${id}`,
});

/** A server whose every answer is a stream, and a client that has read its beginning. */
async function stream(
  events: AsyncIterable<ReaderEvent>,
): Promise<{ sender: Response; client: IncomingMessage; done: Promise<unknown> }> {
  const app = express();
  app.use(requestLog(createLogger('test', 'silent')));
  const serving = new Promise<{ sender: Response; done: Promise<unknown> }>((resolve) => {
    app.use((_request, sender) => {
      const leaving = new AbortController();
      sender.once('close', () => leaving.abort());
      resolve({ sender, done: sendEvents(sender, events, { heartbeatMs: 60_000, signal: leaving.signal }) });
    });
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const [client] = (await once(get({ port: (server.address() as AddressInfo).port, agent: false }), 'response')) as [
    IncomingMessage,
  ];
  return { client, ...(await serving) };
}

it('reads no further events while the client does not read, and none after it has left', async () => {
  let asked = 0;
  let isOver = false;
  async function* endless(): AsyncGenerator<ReaderEvent> {
    try {
      for (;;) yield event(++asked, 'x'.repeat(10_000));
    } finally {
      isOver = true;
    }
  }
  const { sender, client, done } = await stream(endless());
  client.pause();
  await eventually(() => sender.writableNeedDrain && asked);
  const held = asked;
  // The buffers between client and server, and no more than that.
  expect(held * 10_000).toBeLessThan(30_000_000);
  client.resume();
  await eventually(() => asked > held + 1_000);
  client.destroy();
  await done;
  expect(isOver).toBe(true);
});

it('a stream that ends early has the reason as its last event, as a problem document', async () => {
  async function* failing(): AsyncGenerator<ReaderEvent> {
    yield event(1, 'said');
    throw new HearthError('turn_gone', 'its session was closed');
  }
  const { client } = await stream(failing());
  let text = '';
  for await (const bytes of client.setEncoding('utf8')) text += String(bytes);
  expect(text).toBe(
    `retry: 1000\n\nid: ab.1\nevent: text.delta\ndata: ${JSON.stringify(event(1, 'said'))}\n\n` +
      `event: stream.problem\ndata: ${text.split('data: ').at(-1)}`,
  );
  expect(JSON.parse(text.split('data: ').at(-1) ?? '')).toMatchObject({ code: 'turn_gone', status: 404 });
});
