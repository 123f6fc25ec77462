/** The root of the `hearth-claude` command. Code that talks to the cluster is loaded only for a prompt, because the process is short-lived. */
import { constants } from 'node:os';
import { drained, endProcess, exitNow, lastWordsMs, watchOutput } from '@hearth/shared/program-end';
import { NoCluster, parseCommandLine, Refusal } from './command-line.js';
import { resolveInvocation } from './invocation.js';
import { readSettings } from './settings.js';
import { formatsOf } from './version.js';

const stopping = new AbortController();
let stop: () => Promise<void> = async () => undefined;
let stoppedWith: number | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    const code = 128 + constants.signals[signal];
    stoppedWith = code;
    if (stopping.signal.aborted) exitNow(code);
    stopping.abort();
    // Like the CLI, whose turn ends with its process.
    void stop().then(() => endProcess(code, lastWordsMs));
  });
}
// Like the CLI, whose turn goes on when the reader leaves.
watchOutput();

async function run(argv: readonly string[]): Promise<number> {
  const commandLine = parseCommandLine(argv);
  const has = (name: string): boolean => commandLine.given.some(({ flag }) => flag.name === name);
  if (has('--version')) return say(`${formatsOf} (Claude Code) through Hearth`);
  if (has('--help')) return say((await import('./help.js')).help());
  const invocation = resolveInvocation(commandLine, process.stdout.isTTY);
  const { Call } = await import('./call.js');
  const call = new Call(
    invocation,
    readSettings(process.env, process.cwd()),
    { write: (text) => process.stdout.write(text), drained },
    stopping.signal,
  );
  stop = () => call.stop();
  return call.run();
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

async function describe(error: unknown): Promise<string> {
  if (error instanceof Refusal) return error.message;
  const { describeError, toErrorBody } = await import('@hearth/shared');
  return `Error: ${describeError(toErrorBody(error))}`;
}

const argv = process.argv.slice(2);
try {
  const code = await run(argv);
  await (stoppedWith === undefined ? endProcess(code) : endProcess(stoppedWith, lastWordsMs));
} catch (error) {
  if (error instanceof NoCluster && readSettings(process.env, process.cwd()).fallback)
    await endProcess(await (await import('./fallback.js')).runRealClaude(argv));
  process.stderr.write(`${await describe(error)}\n`);
  await endProcess(1);
}
