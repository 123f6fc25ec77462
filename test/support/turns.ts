import type { ReaderEvent, TurnHandle } from '@hearth/producer';
import { expect } from 'vitest';

/** Prompts whose answer shows what the agent remembers. */
export const remember = (number: number): string => `Remember the number ${number}.`;
export const recall = 'What number did I ask you to remember?';
export const recalled = (number: number): string => `You asked me to remember the number ${number}.`;

/** A prompt whose agent calls one tool. */
export const tool = (name: string, input: object, then = ' go'): string =>
  `[[tool ${name} ${JSON.stringify(input)}]]${then}`;
export const bash = (command: string): string => tool('Bash', { command });

/** A prompt whose tool waits at its first run, when it makes the file, and answers `done` at the next one. */
export const slowOnce = (file: string): string => bash(`test -e ${file} && echo done || { touch ${file}; sleep 60; }`);

type Typed<T extends ReaderEvent['type']> = Extract<ReaderEvent, { type: T }>;

/** The first event of that type in the turn. */
export async function firstEvent<T extends ReaderEvent['type']>(
  turn: AsyncIterable<ReaderEvent>,
  type: T,
): Promise<Typed<T>> {
  for await (const event of turn) if (event.type === type) return event as Typed<T>;
  throw new Error(`the turn ended without ${type}`);
}

export async function eventsOf(turn: TurnHandle): Promise<ReaderEvent[]> {
  const events: ReaderEvent[] = [];
  for await (const event of turn) events.push(event);
  return events;
}

/** The text that was streamed. Fails when there was none. */
export function spoken(events: readonly ReaderEvent[]): string {
  const text = events.map((event) => (event.type === 'text.delta' ? event.text : '')).join('');
  expect(text).not.toBe('');
  return text;
}
