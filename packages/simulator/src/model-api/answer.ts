import { createHash } from 'node:crypto';
import type { Conversation } from './conversation.js';
import type { Directives, ToolUse } from './directives.js';

/** The model's answer to one request. */
export interface Answer {
  thinking: readonly string[];
  text: string;
  tools: readonly ToolUse[];
}

/** How much of a tool's result the final text quotes, characters. */
const quoteLength = 200;

/** Computes the answer. The same conversation gets the same answer. */
export function answer(conversation: Conversation, directives: Directives): Answer {
  const tools = nextTools(conversation, directives);
  const thinking = conversation.toolRounds === 0 ? directives.thinking : [];
  if (tools.length > 0) return { thinking, text: `Using ${tools.map(({ name }) => name).join(', ')}.`, tools };
  return { thinking, text: finalText(conversation, directives), tools: [] };
}

function nextTools({ toolRounds }: Conversation, { tools, parallel }: Directives): readonly ToolUse[] {
  if (parallel) return toolRounds === 0 ? tools : [];
  return tools.slice(toolRounds, toolRounds + 1);
}

function finalText(conversation: Conversation, { say, largeBytes, rest }: Directives): string {
  if (say !== undefined) return say;
  if (largeBytes !== undefined) return largeText(largeBytes);
  const before = conversation.said.slice(0, -1);
  if (/what number did i ask you to remember/i.test(rest)) {
    const number = [...before]
      .reverse()
      .map(numberToRemember)
      .find((found) => found !== undefined);
    return number === undefined
      ? 'You have not asked me to remember a number.'
      : `You asked me to remember the number ${number}.`;
  }
  const number = numberToRemember(rest);
  if (number !== undefined) return `I will remember the number ${number}.`;
  if (conversation.toolResults.length > 0) {
    return `The tools answered: ${conversation.toolResults.map((result) => result.trim().slice(0, quoteLength)).join(' | ')}`;
  }
  return `Echo: ${rest}`;
}

function numberToRemember(text: string): string | undefined {
  return /remember the number (-?\d+)/i.exec(text)?.[1];
}

/** Numbered lines, so that a missing or repeated piece shows. */
function largeText(bytes: number): string {
  const lines: string[] = [];
  for (let length = 0, line = 1; length < bytes; line += 1) {
    const text = `${String(line).padStart(8, '0')} ${createHash('md5').update(String(line)).digest('hex')}\n`;
    lines.push(text);
    length += text.length;
  }
  return lines.join('').slice(0, bytes);
}
