import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HearthError } from '@hearth/shared';

export interface StackProcess {
  pid: number;
  logFile: string;
  /** Resolves with the exit code or signal when it has ended. */
  exited: Promise<number | NodeJS.Signals>;
  /** Its last log line. */
  lastWords(): string;
  /** Drains it, and resolves with its exit code. */
  stop(): Promise<unknown>;
}

export interface StackProcessOptions {
  home: string;
  /** Names its log file and appears in errors. */
  name: string;
  program: string;
  env: NodeJS.ProcessEnv;
  args: readonly string[];
  /** Appends to the log of the one before. */
  isAnother?: boolean;
}

/**
 * Starts a process of the stack, with its log in a file. Resolves with the JSON line that it prints when it serves.
 *
 * @throws HearthError when it does not start
 */
export async function startStackProcess<T>(options: StackProcessOptions): Promise<StackProcess & { said: T }> {
  const { home, name, program, env, args, isAnother } = options;
  mkdirSync(join(home, 'logs'), { recursive: true });
  const logFile = join(home, 'logs', `${name}.log`);
  const log = openSync(logFile, isAnother ? 'a' : 'w');
  // detached, because this process handles Ctrl-C and drains it. Its stdin closes when this process dies.
  const child = spawn(process.execPath, [program, '--stop-with-stdin', ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', log],
    env,
  });
  closeSync(log);
  child.stdin?.on('error', () => undefined);
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const said = JSON.parse(await firstLine(child, exited, name, logFile)) as T;
  return {
    said,
    pid: child.pid ?? -1,
    logFile,
    exited,
    lastWords: () => lastMessage(logFile),
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

async function firstLine(
  child: ChildProcess,
  exited: Promise<unknown>,
  name: string,
  logFile: string,
): Promise<string> {
  if (child.stdout === null) throw new TypeError('the process has no stdout');
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), exited.then(() => undefined)]);
  if (line !== undefined) return line;
  throw new HearthError('internal', `The ${name} did not start: ${lastMessage(logFile)}`, {
    wayOut: `See ${logFile}.`,
  });
}

function lastMessage(logFile: string): string {
  const line = readFileSync(logFile, 'utf8').trim().split('\n').at(-1) ?? '';
  try {
    return (JSON.parse(line) as { msg?: string }).msg ?? line;
  } catch {
    return line;
  }
}
