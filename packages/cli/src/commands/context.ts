import { createProducer, type Producer } from '@hearth/producer';
import { redisUrlFrom } from '@hearth/shared/internal';
import type { Output } from '../terminal/output.js';

/** Options every command has. */
export interface CommonOptions {
  json?: boolean;
  redisUrl?: string;
}

/** What a command gets from the root: where to print, and when the person wants it to end. */
export interface Context {
  out: Output;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  signal: AbortSignal;
  /** From now on Ctrl-C is the command's own; it aborts nothing any more. */
  onCtrlC(handle: () => void): void;
}

/** Brackets a producer around the work of one command. */
export async function withProducer<T>(options: CommonOptions, work: (producer: Producer) => Promise<T>): Promise<T> {
  const producer = createProducer({ redisUrl: redisUrlFrom(options.redisUrl) });
  try {
    return await work(producer);
  } finally {
    await producer.close();
  }
}

/** Resolves when the person wants the command to end. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
