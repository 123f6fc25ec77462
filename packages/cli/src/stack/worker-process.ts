import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { HearthError } from '@hearth/shared';

export interface WorkerProcess {
  workerId: string;
  seat: number;
  pid: number;
  logFile: string;
  /** Drains it; resolves with its exit code. */
  stop(): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

export interface WorkerProcessOptions {
  home: string;
  number: number;
  env: NodeJS.ProcessEnv;
  args: readonly string[];
}

const program = (): string => fileURLToPath(import.meta.resolve('@hearth/worker/main'));

/** Starts a worker in a process of its own, its log in a file. Resolves when it serves. @throws HearthError when it does not start */
export async function startWorkerProcess({ home, number, env, args }: WorkerProcessOptions): Promise<WorkerProcess> {
  mkdirSync(join(home, 'logs'), { recursive: true });
  const logFile = join(home, 'logs', `worker-${number}.log`);
  const log = openSync(logFile, 'w');
  // detached: Ctrl-C reaches us alone, and we drain it. Its stdin tells it should we die.
  const child = spawn(process.execPath, [program(), '--stop-with-stdin', ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', log],
    env,
  });
  closeSync(log);
  child.stdin?.on('error', () => undefined);
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const { workerId, seat } = await firstLine(child, exited, logFile);
  return {
    workerId,
    seat,
    pid: child.pid ?? -1,
    logFile,
    exited,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

async function firstLine(
  child: ChildProcess,
  exited: Promise<number | null>,
  logFile: string,
): Promise<{ workerId: string; seat: number }> {
  if (child.stdout === null) throw new TypeError('the worker has no stdout');
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), exited.then(() => undefined)]);
  if (line !== undefined) return JSON.parse(line) as { workerId: string; seat: number };
  const last = readFileSync(logFile, 'utf8').trim().split('\n').at(-1) ?? '';
  throw new HearthError('internal', `The worker did not start: ${lastMessage(last)}`, { wayOut: `See ${logFile}.` });
}

function lastMessage(line: string): string {
  try {
    return (JSON.parse(line) as { msg?: string }).msg ?? line;
  } catch {
    return line;
  }
}
