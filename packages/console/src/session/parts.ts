import type { HearthEventOf, Message } from '@hearth/shared';
import { cutText } from '@hearth/shared/text';

/** A tool as shown: requested by a message, then started, then ended. */
export interface ToolPart {
  kind: 'tool';
  toolUseId: string;
  name: string;
  /** One line, cut. */
  input: string;
  /** The whole input, once its message is complete. */
  wholeInput?: unknown;
  state: 'wanted' | 'running' | 'ok' | 'failed';
  summary?: string;
  durationMs?: number;
  messageId?: string;
  ofSubAgent: boolean;
}

interface TextPart {
  kind: 'text' | 'thinking';
  text: string;
  messageId: string;
  /** Whether it is the record. Before that it is a preview. */
  isRecord: boolean;
  ofSubAgent: boolean;
}

/** Something that happened besides text and tools. */
interface NotePart {
  kind: 'note';
  tone: 'plain' | 'warn' | 'bad' | 'good';
  text: string;
}

export type Part = TextPart | ToolPart | NotePart;

export const note = (tone: NotePart['tone'], text: string): NotePart => ({ kind: 'note', tone, text });

const inputLength = 200;

/** Adds a piece of streamed text. It continues the last part when that has the same message and kind. */
export function withDelta(
  parts: readonly Part[],
  event: HearthEventOf<'text.delta'> | HearthEventOf<'thinking.delta'>,
): Part[] {
  const kind = event.type === 'text.delta' ? 'text' : 'thinking';
  const { messageId, text } = event;
  const last = parts.at(-1);
  if (last?.kind === kind && last.messageId === messageId && !last.isRecord) {
    return [...parts.slice(0, -1), { ...last, text: last.text + text }];
  }
  return [...parts, { kind, text, messageId, isRecord: false, ofSubAgent: event.parentToolUseId !== undefined }];
}

/** Replaces the previews of a message by the complete message. Tools that started before move to their place in it. */
export function withMessage(parts: readonly Part[], message: Message): Part[] {
  const made = message.content.flatMap((block) => partOf(block, message, parts));
  const toolUseIds = new Set(made.flatMap((part) => (part.kind === 'tool' ? part.toolUseId : [])));
  const isReplaced = (part: Part): boolean =>
    (part.kind === 'tool' && toolUseIds.has(part.toolUseId)) ||
    (part.kind !== 'note' && part.messageId === message.messageId);
  const at = parts.findIndex(isReplaced);
  if (at === -1) return [...parts, ...made];
  return [...parts.slice(0, at), ...made, ...parts.slice(at).filter((part) => !isReplaced(part))];
}

function partOf(block: Message['content'][number], message: Message, known: readonly Part[]): Part[] {
  const of = { messageId: message.messageId, ofSubAgent: message.parentToolUseId !== undefined };
  const text = block['text'] ?? block['thinking'];
  if (block.type === 'tool_use') return [toolOf(block, of, known)];
  if ((block.type !== 'text' && block.type !== 'thinking') || typeof text !== 'string' || text === '') return [];
  return [{ kind: block.type, text, isRecord: true, ...of }];
}

function toolOf(
  block: Record<string, unknown>,
  of: { messageId: string; ofSubAgent: boolean },
  known: readonly Part[],
): ToolPart {
  const toolUseId = stringIn(block, 'id');
  const before = known.find((part) => part.kind === 'tool' && part.toolUseId === toolUseId);
  const input = JSON.stringify(block['input'] ?? {});
  return {
    kind: 'tool',
    name: stringIn(block, 'name'),
    input: cutText(input, inputLength),
    state: 'wanted',
    ...(before?.kind === 'tool' ? before : {}),
    toolUseId,
    wholeInput: block['input'],
    ...of,
  };
}

const stringIn = (block: Record<string, unknown>, field: string): string => {
  const value = block[field];
  return typeof value === 'string' ? value : '';
};

/** Updates a tool: it passed the gate, or its result is back. */
export function withTool(
  parts: readonly Part[],
  event: HearthEventOf<'tool.started'> | HearthEventOf<'tool.ended'>,
): Part[] {
  const { toolUseId, name } = event;
  const change: Partial<ToolPart> =
    event.type === 'tool.started'
      ? { state: 'running', input: event.input }
      : { state: event.ok ? 'ok' : 'failed', summary: event.summary, durationMs: event.durationMs };
  const at = parts.findIndex((part) => part.kind === 'tool' && part.toolUseId === toolUseId);
  const before = parts[at];
  if (before?.kind === 'tool') return parts.with(at, { ...before, ...change });
  const ofSubAgent = event.parentToolUseId !== undefined;
  return [...parts, { kind: 'tool', toolUseId, name, input: '', state: 'running', ofSubAgent, ...change }];
}
