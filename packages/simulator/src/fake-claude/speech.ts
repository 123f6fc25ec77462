import { randomUUID } from 'node:crypto';
import type { ApiMessage } from '../model-api/conversation.js';
import { type ApiEvent, type message, messageEvents } from '../model-api/stream.js';
import { type ApiFailure, errorNames } from './api-failures.js';
import { promptHead } from './flags.js';
import type { Line } from './output.js';
import type { ToolCall } from './permissions.js';
import type { Session } from './session.js';
import type { ToolOutcome } from './tools.js';
import { promptTokens, type Usage } from './usage.js';

export type FullMessage = ReturnType<typeof message> & { usage: Usage };

/** A tool that the model requested, and the entry with the request. */
export interface ToolUse {
  call: ToolCall;
  assistantUuid: string;
}

/**
 * The messages of a turn: written to the host line by line, and to the transcript under the same ids. Owns the open block, which an
 * interrupt cuts.
 */
export class Speech {
  private saying: { full: FullMessage; index: number; text: string } | undefined;

  constructor(private readonly session: Session) {}

  /** Writes a message, one line per block and event. Returns the requested tools. */
  async say(full: FullMessage, chunks: number | undefined, beforePiece: () => Promise<void>): Promise<ToolUse[]> {
    const uses: ToolUse[] = [];
    for (const { event, isPiece, block } of messageEvents(full, chunks)) {
      if (isPiece) await beforePiece();
      if (event.type === 'content_block_start') this.saying = { full, index: Number(event['index']), text: '' };
      if (isPiece && this.saying !== undefined) this.saying.text += (event['delta'] as { text?: string }).text ?? '';
      if (block !== undefined) {
        this.saying = undefined;
        const assistantUuid = this.assistant(full, block);
        const use = block as { type: string } & ToolCall;
        if (use.type === 'tool_use')
          uses.push({ call: { id: use.id, name: use.name, input: use.input }, assistantUuid });
      }
      this.streamEvent(event);
      if (event.type === 'content_block_start') this.countThinking(event);
    }
    return uses;
  }

  toolResult({ call, assistantUuid }: ToolUse, { content, isError, result }: ToolOutcome): void {
    const block = { type: 'tool_result', tool_use_id: call.id, content, is_error: isError };
    const entry = { toolUseResult: result, sourceToolAssistantUUID: assistantUuid };
    this.user([block], entry, { tool_use_result: result });
  }

  /** Writes the CLI's own message when the API has failed for good. */
  apiError({ status, text, resetsAt }: ApiFailure): void {
    const { session } = this;
    if (resetsAt !== undefined) {
      const info = { status: 'rejected', resetsAt, rateLimitType: 'five_hour', isUsingOverage: false };
      session.output.said(session.id, { type: 'rate_limit_event', rate_limit_info: info });
    }
    const content = [{ type: 'text', text }];
    const head = { id: randomUUID(), type: 'message', role: 'assistant', model: '<synthetic>', stop_sequence: '' };
    const said = { ...head, content, stop_reason: 'stop_sequence', usage: { input_tokens: 0, output_tokens: 0 } };
    const uuid = session.transcript.message(said, { isApiErrorMessage: true });
    session.output.said(session.id, {
      type: 'assistant',
      message: said,
      parent_tool_use_id: null,
      uuid,
      error: errorNames[status ?? 0] ?? 'unknown',
      is_api_error_message: true,
      api_error_status: status,
    });
  }

  /** Ends the conversation like the CLI: text is kept, every tool gets a result, and a remark says why. */
  breakOff(using: readonly ToolUse[]): void {
    const { saying } = this;
    if (saying !== undefined && saying.text !== '') this.assistant(saying.full, { type: 'text', text: saying.text });
    for (const use of using)
      this.toolResult(use, { content: rejected, isError: true, result: 'User rejected tool use' });
    const remark = using.length === 0 ? '[Request interrupted by user]' : '[Request interrupted by user for tool use]';
    this.user([{ type: 'text', text: remark }]);
    if (saying === undefined) return;
    this.streamEvent({ type: 'content_block_stop', index: saying.index });
    this.streamEvent({ type: 'message_stop' });
  }

  private assistant(full: FullMessage, block: object): string {
    const { session } = this;
    const { stop_reason, usage, ...head } = full;
    const content = [block as { type: string }];
    const asked = { promptHead: promptHead(session), promptTokens: promptTokens(usage) };
    const uuid = session.transcript.message({ ...head, content, stop_reason, usage }, asked);
    const said = { ...head, content, stop_reason: null, usage: { ...usage, output_tokens: 1 } };
    session.output.said(session.id, { type: 'assistant', message: said, parent_tool_use_id: null, uuid });
    return uuid;
  }

  private user(content: ApiMessage['content'], entryFields: Line = {}, lineFields: Line = {}): void {
    const { session } = this;
    const said = { role: 'user', content };
    const uuid = session.transcript.message(said, entryFields);
    session.output.said(session.id, { type: 'user', message: said, parent_tool_use_id: null, uuid, ...lineFields });
  }

  private streamEvent(event: ApiEvent['event']): void {
    const { session } = this;
    if (!session.flags.partialMessages) return;
    session.output.said(session.id, { type: 'stream_event', event, parent_tool_use_id: null });
  }

  /** Seen in 2.1.329: a separate line beside a thinking block. */
  private countThinking(event: ApiEvent['event']): void {
    const { session } = this;
    if ((event['content_block'] as { type: string }).type !== 'thinking') return;
    session.output.said(session.id, { type: 'system', subtype: 'thinking_tokens', estimated_tokens: 1 });
  }
}

const rejected =
  "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed.";
