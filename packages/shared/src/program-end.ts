/** How programs write and end: a program ends only when its readers have taken what it wrote. The only module that exits. */
import type { Writable } from 'node:stream';

/** How long the readers of a program that was told to end have for the rest of its output, ms. */
export const lastWordsMs = 2_000;
/** A program pauses while its readers lag behind by more than this, bytes. */
const lagAtMost = 16 * 1024 * 1024;

const outputs = (): readonly Writable[] => [process.stdout, process.stderr];

/**
 * Handles failures of stdout and stderr. A reader that leaves (`| head`) is no error: the program goes on without it. Any other failure of
 * stdout (a full disk) ends the program with 1. A failure of stderr is ignored, because it cannot be reported.
 *
 * @param onReaderLeft called once, when the reader of stdout has left
 */
export function watchOutput(onReaderLeft: () => void = () => undefined): void {
  let hasLeft = false;
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE' && code !== 'ERR_STREAM_DESTROYED') {
      process.stderr.write(`error: standard output cannot be written: ${message}\n`);
      exitNow(1);
    }
    if (hasLeft) return;
    hasLeft = true;
    onReaderLeft();
  });
  process.stderr.on('error', () => undefined);
}

/** Resolves when the readers lag behind by at most 16 MiB. Bounds the memory of a program that prints a stream. */
export const drained = (streams = outputs()): Promise<void> => written(streams, lagAtMost);

/**
 * Ends this process when its readers have taken everything.
 *
 * @param withinMs ends it then at the latest; for a program that was told to end
 */
export async function endProcess(code: number, withinMs?: number): Promise<never> {
  if (withinMs !== undefined) setTimeout(() => exitNow(code), withinMs);
  await written(outputs(), 0);
  // The failure of the last write is emitted first.
  await new Promise((resolve) => setImmediate(resolve));
  return exitNow(code);
}

/** Ends this process at once. Output that its readers have not taken is lost. */
export function exitNow(code: number): never {
  process.exit(code);
}

/** Resolves when no stream holds more than `atMost` bytes, or its reader has left. */
async function written(streams: readonly Writable[], atMost: number): Promise<void> {
  for (const stream of streams) {
    // The callback of a write comes after everything before it was taken, or has failed. Files and terminals hold nothing.
    if (stream.writableLength > atMost) await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}
