import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** One line of a worker's log. */
export interface LogLine {
  /** The stable code of what happened. Tests match this, never the message. */
  event: string;
  msg: string;
  time: number;
  level: string;
  [field: string]: unknown;
}

export interface TestWorker {
  workerId: string;
  workerNumber: number;
  pid: number;
  home: string;
  log: readonly LogLine[];
  exited: Promise<number | null>;
  isGone(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the first line, past or future, that fits. */
  logged(fits: (line: LogLine) => boolean): Promise<LogLine>;
  stop(): Promise<number | null>;
}

/** Resolves when the process prints its first line: it serves. */
export async function workerOf(child: ChildProcess, home: string): Promise<TestWorker> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new TypeError('a worker without pipes');
  const log: LogLine[] = [];
  const listeners = new Set<(line: LogLine) => void>();
  createInterface({ input: stderr }).on('line', (text) => {
    const line = parse(text);
    log.push(line);
    for (const listener of listeners) listener(line);
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const lines = createInterface({ input: stdout });
  const first = await Promise.race([once(lines, 'line').then(([text]) => String(text)), exited.then(() => undefined)]);
  if (first === undefined) throw new Error(`the worker did not start: ${log.map(({ msg }) => msg).join('\n')}`);
  const { workerId, workerNumber } = JSON.parse(first) as { workerId: string; workerNumber: number };
  return {
    workerId,
    workerNumber,
    pid: child.pid ?? -1,
    home,
    log,
    exited,
    isGone: () => child.exitCode !== null || child.signalCode !== null,
    signal: (signal) => child.kill(signal),
    logged: (fits) => {
      const past = log.find(fits);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve) => {
        const listener = (line: LogLine): void => {
          if (!fits(line)) return;
          listeners.delete(listener);
          resolve(line);
        };
        listeners.add(listener);
      });
    },
    stop: () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      return exited;
    },
  };
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { event: 'raw', msg: text, time: Date.now(), level: 'raw' };
  }
}

/** The last lines of its log, to print after a failure. */
export function logTail(worker: TestWorker): string {
  const lines = worker.log.slice(-25).map((line) => JSON.stringify(line).slice(0, 400));
  return `\n--- log of ${worker.workerId}\n${lines.join('\n')}\n`;
}
