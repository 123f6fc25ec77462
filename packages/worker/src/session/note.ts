import type { Prompt } from '@hearth/shared';

/** The note before the session's next prompt, when an earlier turn was cut off after these tools had started (P7). '' without any. */
export function interruptionNote(tools: readonly string[]): string {
  if (tools.length === 0) return '';
  const names = [...new Set(tools)].join(', ');
  return `[Note from Hearth: the previous prompt was cut off and is not in this conversation. Before that, these tools had started and may have had effects: ${names}. Check before you repeat them.]`;
}

/** Notes about several turns, the oldest first. */
export const joinNotes = (...notes: readonly string[]): string => notes.filter(Boolean).join('\n');

/** The prompt with the note before it. */
export function withNote(prompt: Prompt, note: string): Prompt {
  if (note === '') return prompt;
  return typeof prompt === 'string' ? `${note}\n\n${prompt}` : [{ type: 'text', text: note }, ...prompt];
}
