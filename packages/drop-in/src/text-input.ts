import { once } from 'node:events';
import type { ReadStream } from 'node:tty';
import { Refusal } from './command-line.js';

/** How long the CLI waits for a silent pipe, ms. */
const patienceMs = 3_000;

/** Reads the prompt of `--input-format text`: the argument, the piped text, or both. @throws Refusal when there is neither */
export async function readPrompt(argument: string | undefined, stdin: ReadStream): Promise<string> {
  const piped = stdin.isTTY ? '' : await readAll(stdin);
  const prompt = [argument, piped].filter(Boolean).join('\n');
  if (prompt !== '') return prompt;
  throw new Refusal('Error: Input must be provided either through stdin or as a prompt argument when using --print');
}

async function readAll(stdin: ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  let timer: NodeJS.Timeout | undefined;
  const silent = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), patienceMs);
  });
  stdin.on('data', (chunk: Buffer) => {
    clearTimeout(timer);
    chunks.push(chunk);
  });
  const outcome = await Promise.race([once(stdin, 'end'), silent]);
  clearTimeout(timer);
  if (outcome === 'silent') {
    process.stderr.write(
      'Warning: no stdin data received in 3s, proceeding without it. If piping from a slow command, redirect stdin explicitly: < /dev/null to skip, or wait longer.\n',
    );
    stdin.destroy();
  }
  return Buffer.concat(chunks).toString('utf8');
}
