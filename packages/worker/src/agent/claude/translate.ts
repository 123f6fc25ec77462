import { basename } from 'node:path';
import type { Message } from '@hearth/shared';
import { cutText } from '@hearth/shared/text';
import type { AgentEvent } from '../driver.js';
import { Notices } from './notices.js';
import { RefusalWatch } from './refusal.js';
import { RepeatedResult } from './repeated-result.js';
import { UsageMeter } from './usage.js';
import { hookInputSchema, type Line, type LineOf } from './wire.js';

/** `tool.ended` shows a tool's result in one line, cut to so many characters. */
const summaryLength = 160;

/** System lines that become `status` events. */
const shownStatus = new Set(['status', 'compact_boundary']);

/**
 * Translates the CLI's lines into agent events. Owns the messages that are not complete yet.
 *
 * T1 Deltas come only from `stream_event` lines, and messages only from `assistant` lines, so no text arrives twice.
 * T2 The CLI prints one `assistant` line per content block. Blocks with one message id become one message when it stops.
 * T3 A result in the middle of a streamed message, or while a tool has no result, does not belong to the prompt, unless it is an error.
 * T4 Lines before the CLI has started our prompt belong to another turn, because the CLI also gives itself turns (when a background task
 *    of an earlier agent has ended). A CLI without `command_lifecycle` lines has started the prompt with its `init`.
 * T5 A repeated result belongs to the prompt before.
 */
export class Translator {
  private readonly open = new Map<string, Message>();
  private readonly usage = new UsageMeter();
  private readonly results = new RepeatedResult();
  private readonly refusals = new RefusalWatch();
  private readonly notices = new Notices();
  /** Message id of the running API message, by speaker: '' or the tool use id of a sub-agent. */
  private readonly speaking = new Map<string, string>();
  /** The running prompt: its uuid, and how far it has come. */
  private prompt: { uuid: string; isQueued: boolean; hasBegun: boolean } | undefined;
  /** Id of the message that streams in the main conversation. */
  private streaming: string | undefined;
  /** Tool uses of the main conversation that have no result yet. */
  private readonly using = new Set<string>();
  private lastEntryId: string | undefined;
  /** Claude's id of the conversation that continues, as the last successful prompt said. */
  private conversation: string | undefined;

  constructor(private readonly emit: (event: AgentEvent) => void) {}

  /** What the process had cost at its last result. */
  get costUsd(): number {
    return this.usage.costUsd;
  }

  /** Notes that a prompt was written under this uuid. Its output comes after its start. */
  prompted(uuid: string): void {
    this.prompt = { uuid, isQueued: false, hasBegun: false };
    this.streaming = undefined;
    this.using.clear();
  }

  private get isOtherTurn(): boolean {
    return this.prompt?.hasBegun === false;
  }

  private say(event: AgentEvent): void {
    if (!this.isOtherTurn) this.emit(event);
  }

  private lifecycle({ command_uuid, state }: LineOf<'command_lifecycle'>): void {
    if (this.prompt === undefined || command_uuid !== this.prompt.uuid) return;
    if (state === 'queued') this.prompt = { ...this.prompt, isQueued: true, hasBegun: false };
    if (state === 'started') this.prompt = { ...this.prompt, hasBegun: true };
  }

  line(line: Line): void {
    switch (line.type) {
      case 'stream_event':
        return this.streamEvent(line);
      case 'assistant':
        return this.assistant(line);
      case 'user':
        return this.toolResults(line);
      case 'system':
        return this.system(line);
      case 'control_request':
        return this.request(line);
      case 'control_cancel_request':
        return this.emit({ kind: 'permission_withdrawn', requestId: line.request_id });
      case 'command_lifecycle':
        return this.lifecycle(line);
      case 'rate_limit_event':
        return this.limit(line);
      case 'transcript_mirror':
        return this.transcript(line);
      case 'result':
        return this.result(line);
      case 'control_response':
        return;
    }
  }

  private streamEvent({ event, parent_tool_use_id }: LineOf<'stream_event'>): void {
    const speaker = parent_tool_use_id ?? '';
    if (event.type === 'message_start' && event.message !== undefined) this.speaking.set(speaker, event.message.id);
    if (speaker === '' && event.type === 'message_start') this.streaming = event.message?.id;
    if (speaker === '' && event.type === 'message_stop') this.streaming = undefined;
    if (event.type === 'message_stop') this.complete(this.speaking.get(speaker));
    if (event.type !== 'content_block_delta' || event.delta === undefined) return;
    const messageId = this.speaking.get(speaker) ?? '';
    const { text, thinking } = event.delta;
    const said = text === undefined ? ({ of: 'thinking', text: thinking } as const) : ({ of: 'text', text } as const);
    if (said.text === undefined || said.text === '') return;
    this.say({
      kind: 'delta',
      of: said.of,
      text: said.text,
      messageId,
      parentToolUseId: parent_tool_use_id ?? undefined,
    });
  }

  private assistant(line: LineOf<'assistant'>): void {
    const { message, parent_tool_use_id, uuid } = line;
    const known = this.open.get(message.id);
    if (known !== undefined) known.content.push(...message.content);
    else {
      // An earlier message of the same speaker that never stopped (an aborted call) is complete now.
      for (const open of this.open.values()) {
        if (open.parentToolUseId === (parent_tool_use_id ?? undefined)) this.complete(open.messageId);
      }
      const parent = parent_tool_use_id ? { parentToolUseId: parent_tool_use_id } : {};
      this.open.set(message.id, { messageId: message.id, role: 'assistant', content: [...message.content], ...parent });
    }
    if (parent_tool_use_id) return;
    this.refusals.noteMessage(line);
    this.lastEntryId = uuid;
    for (const { type, id } of message.content) if (type === 'tool_use' && typeof id === 'string') this.using.add(id);
    // The stream broke off, and the CLI got the message in another way.
    if (message.id !== this.streaming) this.streaming = undefined;
  }

  private complete(messageId: string | undefined): void {
    const message = messageId === undefined ? undefined : this.open.get(messageId);
    if (message === undefined) return;
    this.open.delete(message.messageId);
    this.say({ kind: 'message', message });
  }

  private toolResults({ message, parent_tool_use_id }: LineOf<'user'>): void {
    if (typeof message.content === 'string') return;
    for (const block of message.content) {
      if (block.type !== 'tool_result' || typeof block['tool_use_id'] !== 'string') continue;
      this.using.delete(block['tool_use_id']);
      // Emitted for every turn: the tool passed the gate, so its end must be known.
      this.emit({
        kind: 'tool_ended',
        toolUseId: block['tool_use_id'],
        ok: block['is_error'] !== true,
        summary: summarise(block['content']),
        parentToolUseId: parent_tool_use_id ?? undefined,
      });
    }
  }

  private system(line: LineOf<'system'>): void {
    for (const notice of this.notices.ofSystem(line)) this.emit(notice);
    // The CLI prints one `init` per prompt.
    if (line.subtype === 'init') {
      if (this.prompt?.isQueued === false) this.prompt = { ...this.prompt, hasBegun: true };
    } else if (line.subtype === 'api_retry') {
      const reason = [line.error_status, line.error].filter((part) => part !== undefined && part !== null).join(' ');
      this.say({ kind: 'retry', attempt: line.attempt ?? 0, delayMs: line.retry_delay_ms ?? 0, reason });
    } else if (shownStatus.has(line.subtype)) {
      const status = line.subtype === 'status' ? line.status : line.subtype;
      if (status) this.say({ kind: 'status', status });
    }
  }

  /** A request that the session answers. */
  private request({ request, request_id: requestId }: LineOf<'control_request'>): void {
    if (request.subtype === 'hook_callback') {
      const hook = hookInputSchema.parse(request.input);
      this.emit({
        kind: 'gate',
        requestId,
        toolUseId: hook.tool_use_id ?? requestId,
        name: hook.tool_name,
        input: hook.tool_input,
        parentToolUseId: hook.parent_tool_use_id ?? undefined,
      });
    } else if (request.subtype === 'can_use_tool') {
      this.emit({
        kind: 'permission',
        requestId,
        toolUseId: request.tool_use_id ?? '',
        name: request.tool_name ?? '',
        input: request.input,
        suggestions: request.permission_suggestions ?? [],
        parentToolUseId: undefined,
      });
    }
  }

  private limit({ rate_limit_info }: LineOf<'rate_limit_event'>): void {
    const message = this.refusals.noteLimit(rate_limit_info);
    if (message !== undefined) this.emit({ kind: 'notice', code: 'limit_near', message });
  }

  private transcript({ filePath, entries }: LineOf<'transcript_mirror'>): void {
    if (entries.length === 0) return;
    this.emit({
      kind: 'transcript',
      file: transcriptFile(filePath),
      lines: `${entries.map((entry) => JSON.stringify(entry)).join('\n')}\n`,
      // Of every type: the entry of an assistant's line can be another one, such as that of a local command.
      entryIds: entries.flatMap(({ uuid }) => uuid ?? []),
    });
  }

  private result(line: LineOf<'result'>): void {
    const isIncomplete = !line.is_error && (this.streaming !== undefined || this.using.size > 0);
    if (this.results.isRepeated(line) || this.isOtherTurn || isIncomplete)
      return this.emit({ kind: 'stray_result', reason: line.terminal_reason ?? line.subtype });
    this.streaming = undefined;
    this.using.clear();
    for (const messageId of this.open.keys()) this.complete(messageId);
    const reason = line.terminal_reason ?? line.subtype;
    // When the API is down, the subtype is "success", is_error is true, and the text is in `result`.
    const text = line.result ?? line.errors?.join('\n') ?? '';
    const { lastEntryId } = this;
    this.lastEntryId = undefined;
    const stopped = line.is_error && reason.startsWith('aborted_');
    if (!line.is_error) this.conversation = line.session_id ?? this.conversation;
    const { conversation: claudeSessionId } = this;
    const used = this.usage.take(line);
    const refusal = stopped ? undefined : this.refusals.take(line);
    const ok = !line.is_error && refusal === undefined;
    const more = {
      ...(refusal === undefined ? {} : { refusal }),
      ...(line.structured_output === undefined ? {} : { structuredOutput: line.structured_output }),
    };
    for (const notice of this.notices.ofResult(line)) this.emit(notice);
    this.emit({ kind: 'result', ok, stopped, ...more, text, reason, claudeSessionId, lastEntryId, ...used });
  }
}

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const conversationFile = new RegExp(`^${uuid}\\.jsonl$`);
const conversationFolder = new RegExp(`^${uuid}$`);

/** `main` for the conversation itself (`<id>.jsonl`). A sub-agent's file by its path beside it (`<id>/subagents/…`). */
function transcriptFile(filePath: string): string {
  const parts = filePath.split('/');
  const name = basename(filePath);
  if (conversationFile.test(name)) return 'main';
  const at = parts.findLastIndex((part) => conversationFolder.test(part));
  return at === -1 ? name : parts.slice(at).join('/');
}

function summarise(content: unknown): string {
  const text =
    typeof content === 'string'
      ? content
      : Array.isArray(content)
        ? content
            .map((part: { type?: string; text?: string }) =>
              part.type === 'text' ? (part.text ?? '') : `[${part.type ?? 'block'}]`,
            )
            .join(' ')
        : '';
  const line = (text.split('\n').find((candidate) => candidate.trim() !== '') ?? '').trim();
  return cutText(line, summaryLength);
}
