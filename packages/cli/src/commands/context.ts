import { createProducer, type Producer } from '@hearth/producer';
import { redisUrlFrom } from '@hearth/shared/internal';
import type { Output } from '../terminal/output.js';

/** Options of every command. */
export interface CommonOptions {
  json?: boolean;
  redisUrl?: string;
}

/** What a command gets from `main.ts`: where to print, and when to end. */
export interface Context {
  out: Output;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  signal: AbortSignal;
  /** Lets the command handle Ctrl-C itself. The signal does not abort any more. */
  onCtrlC(handle: () => void): void;
}

/** Runs a command with a producer, and closes it. */
export async function withProducer<T>(options: CommonOptions, work: (producer: Producer) => Promise<T>): Promise<T> {
  const producer = createProducer({ redisUrl: redisUrlFrom(options.redisUrl) });
  try {
    return await work(producer);
  } finally {
    await producer.close();
  }
}

/** Resolves when the person ends the command. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
