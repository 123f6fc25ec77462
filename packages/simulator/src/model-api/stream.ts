/** An answer as server-sent events of the Messages API. Source: Anthropic's API reference, "Streaming messages". */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './answer.js';

export interface Pace {
  /** How many pieces of text. Absent: one per word, at most 200. */
  chunks: number | undefined;
  everyMs: number;
  /** After how many pieces the connection is cut. */
  cutAfter: number | undefined;
  signal: AbortSignal;
}

const id = (kind: string): string => `${kind}_${randomBytes(12).toString('hex')}`;

/** The blocks of a message, with fresh ids. */
export function message(model: string, answer: Answer, inputTokens: number) {
  const content: object[] = answer.thinking.map((thinking) => ({ type: 'thinking', thinking, signature: id('sig') }));
  if (answer.text !== '') content.push({ type: 'text', text: answer.text });
  for (const { name, input } of answer.tools) content.push({ type: 'tool_use', id: id('toolu'), name, input });
  const outputTokens = Math.max(1, Math.ceil(JSON.stringify(content).length / 4));
  return {
    id: id('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: answer.tools.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: inputTokens, output_tokens: outputTokens },
  };
}

/** One event of a message. `isPiece` marks the pieces that a pace counts, `block` the end of a block. */
export interface ApiEvent {
  event: { type: string; [field: string]: unknown };
  isPiece: boolean;
  block?: object;
}

/** The events of a message's stream in order, without pings. */
export function* messageEvents(full: ReturnType<typeof message>, chunks: number | undefined): Generator<ApiEvent> {
  const plain = (type: string, data: object): ApiEvent => ({ event: { type, ...data }, isPiece: false });
  const { content, stop_reason, usage, ...head } = full;
  yield plain('message_start', {
    message: { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  });
  for (const [index, raw] of content.entries()) {
    const block = raw as { type: string; text?: string; thinking?: string; signature?: string; input?: object };
    const delta = (fields: object): ApiEvent => plain('content_block_delta', { index, delta: fields });
    yield plain('content_block_start', { index, content_block: emptied(block) });
    const piece = (fields: object): ApiEvent => ({ ...delta(fields), isPiece: true });
    // Thinking and tool inputs are cut only on request, so that counted pieces are those of the text otherwise.
    const silent = chunks === undefined ? delta : piece;
    if (block.type === 'text') {
      for (const text of cutToPieces(block.text ?? '', chunks ?? mostPieces)) yield piece({ type: 'text_delta', text });
    } else if (block.type === 'thinking') {
      for (const thinking of thinkingPieces(block.thinking ?? '', chunks ?? 1))
        yield silent({ type: 'thinking_delta', thinking });
      yield delta({ type: 'signature_delta', signature: block.signature });
    } else {
      for (const partial_json of cutToPieces(JSON.stringify(block.input), chunks ?? 1))
        yield silent({ type: 'input_json_delta', partial_json });
    }
    yield { ...plain('content_block_stop', { index }), block: raw };
  }
  yield plain('message_delta', {
    delta: { stop_reason, stop_sequence: null },
    usage: { output_tokens: usage.output_tokens },
  });
  yield plain('message_stop', {});
}

export async function streamMessage(
  response: ServerResponse,
  full: ReturnType<typeof message>,
  pace: Pace,
): Promise<void> {
  const send = (event: { type: string }): void => {
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  let pieces = 0;
  for (const { event, isPiece } of messageEvents(full, pace.chunks)) {
    if (isPiece) {
      if (pace.cutAfter !== undefined && pieces >= pace.cutAfter) return void response.destroy();
      if (pieces > 0 && pace.everyMs > 0) await sleep(pace.everyMs, undefined, { signal: pace.signal });
      pieces += 1;
    }
    send(event);
    if (event.type === 'message_start') send({ type: 'ping' });
  }
  response.end();
}

function emptied(block: { type: string }): object {
  if (block.type === 'text') return { type: 'text', text: '' };
  if (block.type === 'thinking') return { type: 'thinking', thinking: '', signature: '' };
  return { ...block, input: {} };
}

/** Into how many pieces an answer is cut without a script. */
const mostPieces = 200;

/** Cuts between words, never inside a character. */
function cutToPieces(text: string, chunks: number): string[] {
  const words = text.match(/\S*\s*/g)?.filter(Boolean) ?? [];
  const count = Math.min(chunks, Math.max(words.length, 1));
  if (words.length <= 1) return [text];
  return Array.from({ length: count }, (_, at) =>
    words.slice(Math.floor((at * words.length) / count), Math.floor(((at + 1) * words.length) / count)).join(''),
  );
}

/** Thinking without text is withheld: the API streams empty pieces, and then the signature. */
const thinkingPieces = (thinking: string, chunks: number): string[] =>
  thinking === '' ? Array.from({ length: chunks }, () => '') : cutToPieces(thinking, chunks);
