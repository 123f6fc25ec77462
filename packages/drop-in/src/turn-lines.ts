import { randomUUID } from 'node:crypto';
import type { HearthEvent, Message, PermissionRequest, Prompt, ReaderEvent, TurnResult } from '@hearth/producer';
import { apiMessage, OpenMessage } from './open-message.js';
import { type Line, resultLine, type Said, type Surroundings } from './result-line.js';
import { formatsOf } from './version.js';

type EventOf<T extends HearthEvent['type']> = Extract<ReaderEvent, { type: T }>;

/** Fields of all lines of a call. */
export interface LineContext {
  sessionId: string;
  /** The model of the profile, or `default`. */
  model: string;
  permissionMode: string;
  partialMessages: boolean;
  subAgentText: boolean;
}

/**
 * Makes the lines that the CLI would print from the events of one turn. Owns the open message and the observations for the result.
 * docs/drop-in.md lists the differences.
 */
export class TurnLines {
  private open: OpenMessage | undefined;
  private readonly requests = new Map<string, Pick<PermissionRequest, 'toolUseId' | 'input'>>();
  private readonly said: Said = { messages: 0, denials: [] };

  constructor(private readonly context: LineContext) {}

  *event(event: ReaderEvent): Generator<Line> {
    switch (event.type) {
      case 'turn.started':
        return yield this.line(this.init());
      case 'text.delta':
        return yield* this.delta('text', event);
      case 'thinking.delta':
        return yield* this.delta('thinking', event);
      case 'message':
        return yield* this.message(event);
      case 'tool.ended':
        return yield this.toolResult(event);
      case 'permission.requested':
        this.requests.set(event.requestId, event);
        return;
      case 'permission.resolved':
        if (event.decision === 'deny') yield this.denied(event);
        return;
      case 'retry':
        return yield this.line(retry(event));
      case 'status':
        if (this.context.partialMessages) yield this.line({ type: 'system', subtype: 'status', status: event.status });
        return;
      case 'turn.restarted':
        this.open = undefined;
        return yield this.line({ type: 'system', subtype: 'hearth_turn_restarted', reason: event.reason });
      case 'stream.expired':
        this.open = undefined;
        return yield this.line({ type: 'system', subtype: 'hearth_lines_lost' });
      default:
    }
  }

  /** The last line of the turn. */
  result(result: TurnResult, sums: Pick<Surroundings, 'totalCostUsd' | 'used' | 'index'>): Line {
    return this.line(resultLine(result, { ...this.said, ...sums, model: this.context.model }));
  }

  /** Repeats a prompt (`--replay-user-messages`). */
  prompt(content: Prompt): Line {
    const timestamp = new Date().toISOString();
    return this.line({
      type: 'user',
      message: { role: 'user', content },
      ...parent(undefined),
      timestamp,
      isReplay: true,
    });
  }

  private init(): Line {
    const { model, permissionMode } = this.context;
    return {
      type: 'system',
      subtype: 'init',
      cwd: process.cwd(),
      tools: [],
      mcp_servers: [],
      model,
      permissionMode,
      slash_commands: [],
      apiKeySource: 'none',
      claude_code_version: formatsOf,
      output_style: 'default',
      agents: [],
      skills: [],
      plugins: [],
    };
  }

  private *delta(kind: 'text' | 'thinking', event: EventOf<'text.delta' | 'thinking.delta'>): Generator<Line> {
    if (!this.context.partialMessages || event.parentToolUseId !== undefined) return;
    for (const part of this.opened(event.messageId).delta(kind, event.text))
      yield this.streamEvent(event.messageId, part);
  }

  private *message(event: EventOf<'message'>): Generator<Line> {
    const { parentToolUseId, messageId, content } = event;
    const isSubAgent = parentToolUseId !== undefined;
    if (!isSubAgent) this.said.messages += 1;
    const shown =
      isSubAgent && !this.context.subAgentText ? content.filter(({ type }) => type === 'tool_use') : content;
    if (isSubAgent || !this.context.partialMessages) {
      for (const block of shown) yield this.assistant(event, block);
      return;
    }
    for (const part of this.opened(messageId).complete(content, (block) => this.assistant(event, block)))
      yield 'whole' in part ? (part.whole as Line) : this.streamEvent(messageId, part);
    this.open = undefined;
  }

  private opened(messageId: string): OpenMessage {
    if (this.open?.id !== messageId) this.open = new OpenMessage(messageId, this.context.model);
    return this.open;
  }

  private streamEvent(messageId: string, event: object): Line {
    return this.line({ type: 'stream_event', event, parent_tool_use_id: null, api_message_id: messageId });
  }

  /** The CLI prints one line per block. */
  private assistant({ messageId, parentToolUseId }: EventOf<'message'>, block: Message['content'][number]): Line {
    const message = { ...apiMessage(messageId, this.context.model, [block]), context_management: null };
    return this.line({ type: 'assistant', message, ...parent(parentToolUseId), timestamp: new Date().toISOString() });
  }

  private toolResult({ toolUseId, ok, summary, parentToolUseId }: EventOf<'tool.ended'>): Line {
    const block = { tool_use_id: toolUseId, type: 'tool_result', content: summary, is_error: !ok };
    return this.line({
      type: 'user',
      message: { role: 'user', content: [block] },
      ...parent(parentToolUseId),
      timestamp: new Date().toISOString(),
      ...(ok ? {} : { tool_use_result: `Error: ${summary}` }),
    });
  }

  private denied({ requestId, name, message }: EventOf<'permission.resolved'>): Line {
    const request = this.requests.get(requestId);
    const tool_use_id = request?.toolUseId ?? '';
    this.said.denials.push({ tool_name: name, tool_use_id, tool_input: request?.input ?? {} });
    return this.line({
      type: 'system',
      subtype: 'permission_denied',
      tool_name: name,
      tool_use_id,
      message: message ?? '',
    });
  }

  private line(line: Line): Line {
    return { ...line, session_id: this.context.sessionId, uuid: randomUUID() };
  }
}

const parent = (parentToolUseId: string | undefined): object => ({ parent_tool_use_id: parentToolUseId ?? null });

function retry({ attempt, delayMs, reason }: EventOf<'retry'>): Line {
  const [, status, error] = /^(?:(\d{3}) ?)?(.*)$/s.exec(reason) ?? [];
  return {
    type: 'system',
    subtype: 'api_retry',
    attempt,
    max_retries: 10,
    retry_delay_ms: delayMs,
    error_status: status === undefined ? null : Number(status),
    error: error ?? '',
  };
}
