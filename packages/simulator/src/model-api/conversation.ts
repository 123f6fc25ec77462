/** The fields of a Messages API message that the simulated model reads. */
export interface ApiMessage {
  role: string;
  content: string | readonly Block[];
}

interface Block {
  type: string;
  text?: string | undefined;
  content?: unknown;
}

/** The conversation of a request. */
export interface Conversation {
  /** The user's texts, oldest first. The last one is the prompt. */
  said: string[];
  /** Results of tools since the prompt, oldest first. */
  toolResults: string[];
  /** How many messages with tool uses there were since the prompt. */
  toolRounds: number;
}

/** Reminders that the CLI puts around the user's text. */
const reminders = /<system-reminder>[\s\S]*?<\/system-reminder>/g;
/** Texts that the CLI puts beside the user's. */
const remarks = /^\[(Request interrupted by user|Image: source:)[^\]]*\]$/;

export function readConversation(messages: readonly ApiMessage[]): Conversation {
  const conversation: Conversation = { said: [], toolResults: [], toolRounds: 0 };
  for (const { role, content } of messages) {
    const blocks: readonly Block[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    if (role === 'assistant') {
      if (blocks.some(({ type }) => type === 'tool_use')) conversation.toolRounds += 1;
      continue;
    }
    if (role !== 'user') continue;
    const results = blocks.filter(({ type }) => type === 'tool_result');
    conversation.toolResults.push(...results.map((block) => textOf(block.content)));
    const words = blocks
      .filter(({ type }) => type === 'text')
      .map(({ text = '' }) => text.replace(reminders, '').trim())
      .filter((text) => text !== '' && !remarks.test(text));
    // Reminders may be beside a tool's result. The user's own text is there only after the tool was interrupted.
    const isInterrupted = blocks.some(({ text }) => text?.startsWith('[Request interrupted'));
    if ((results.length > 0 && !isInterrupted) || words.length === 0) continue;
    conversation.said.push(words.at(-1) ?? '');
    conversation.toolResults = [];
    conversation.toolRounds = 0;
  }
  return conversation;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as Block[]).map((part) => part.text ?? `[${part.type}]`).join(' ');
}
