import { createParser } from 'eventsource-parser';

/** One event of a stream: its raw fields, and its data. */
export interface Received {
  id: string | undefined;
  type: string | undefined;
  data: Record<string, unknown>;
}

/** Reads server-sent events until the stream ends; comments are passed to `onComment`. */
export async function* receive(response: Response, onComment?: (comment: string) => void): AsyncGenerator<Received> {
  const waiting: Received[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) =>
      void waiting.push({ id, type: event, data: JSON.parse(data) as Record<string, unknown> }),
    ...(onComment === undefined ? {} : { onComment }),
  });
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
    yield* waiting.splice(0);
  }
}
