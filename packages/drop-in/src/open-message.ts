import type { Message } from '@hearth/producer';

type Block = Message['content'][number];

/** The own fields of one API event line. */
export type ApiEvent = { type: string; [field: string]: unknown };

/**
 * An assistant message while it is written, in the form of the API's stream. Owns which blocks have begun. It is built from previews and
 * the completed message, so tool inputs come in one piece, and text after a tool in one message joins the text before it.
 */
export class OpenMessage {
  private readonly blocks: { kind: string; isClosed: boolean }[] = [];
  private isBegun = false;

  constructor(
    readonly id: string,
    private readonly model: string,
  ) {}

  /** Adds a piece of text or thinking. */
  *delta(kind: 'text' | 'thinking', text: string): Generator<ApiEvent> {
    yield* this.begin();
    const current = this.blocks.at(-1);
    if (current?.kind !== kind) {
      if (current !== undefined) yield* this.close(this.blocks.length - 1);
      yield* this.open({ type: kind });
    }
    const delta = kind === 'text' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking: text };
    yield { type: 'content_block_delta', index: this.blocks.length - 1, delta };
  }

  /** Adds the completed message: what was not streamed yet, with `whole(block)` where the CLI prints the block itself. */
  *complete<T>(content: readonly Block[], whole: (block: Block) => T): Generator<ApiEvent | { whole: T }> {
    yield* this.begin();
    for (const [index, block] of content.entries()) {
      if (this.blocks[index] === undefined) {
        yield* this.open(block);
        yield { type: 'content_block_delta', index, delta: wholeDelta(block) };
      }
      yield { whole: whole(block) };
      yield* this.close(index);
    }
    const usesTool = content.some(({ type }) => type === 'tool_use');
    const delta = { stop_reason: usesTool ? 'tool_use' : 'end_turn', stop_sequence: null };
    yield { type: 'message_delta', delta, usage: { output_tokens: 0 } };
    yield { type: 'message_stop' };
  }

  private *begin(): Generator<ApiEvent> {
    if (this.isBegun) return;
    this.isBegun = true;
    yield { type: 'message_start', message: apiMessage(this.id, this.model, []) };
  }

  private *open(block: Block): Generator<ApiEvent> {
    this.blocks.push({ kind: block.type, isClosed: false });
    yield { type: 'content_block_start', index: this.blocks.length - 1, content_block: emptyBlock(block) };
  }

  private *close(index: number): Generator<ApiEvent> {
    const block = this.blocks[index];
    if (block === undefined || block.isClosed) return;
    block.isClosed = true;
    yield { type: 'content_block_stop', index };
  }
}

/** The message in the form of the API. Its tokens are not in the events. */
export function apiMessage(id: string, model: string, content: readonly Block[]): object {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    stop_sequence: null,
    content,
    stop_reason: null,
    usage: { input_tokens: 0, output_tokens: 0 },
  };
}

function emptyBlock(block: Block): object {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: '' };
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'tool_use':
      return { ...block, input: {} };
    default:
      return block;
  }
}

function wholeDelta(block: Block): object {
  switch (block.type) {
    case 'text':
      return { type: 'text_delta', text: block['text'] };
    case 'thinking':
      return { type: 'thinking_delta', thinking: block['thinking'] };
    default:
      return { type: 'input_json_delta', partial_json: JSON.stringify(block['input'] ?? {}) };
  }
}
