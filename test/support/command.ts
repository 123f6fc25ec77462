import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { hearthProgram } from './programs.js';

export interface Answer {
  code: number | undefined;
  lines: Record<string, unknown>[];
  stderr: string;
  stdout: string;
}

/** Runs `hearth …` to its end. */
export async function hearth(args: readonly string[], env: NodeJS.ProcessEnv, input?: string): Promise<Answer> {
  const run = await execa(process.execPath, [hearthProgram, ...args], {
    env,
    extendEnv: false,
    reject: false,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  });
  const lines = args.includes('--json') ? run.stdout.split('\n').filter(Boolean) : [];
  return {
    code: run.exitCode,
    lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    stderr: run.stderr,
    stdout: run.stdout,
  };
}

/** A `hearth …` that runs until it is told to end. */
export interface Watching {
  /** Resolves with the first line of stdout or stderr, past or future, that matches. */
  said(fits: RegExp): Promise<string>;
  lines: readonly string[];
  /** Writes a line to its stdin. */
  type(line: string): void;
  /** Closes its stdin, as Ctrl-D does; resolves with the exit code. */
  endInput(): Promise<number | null>;
  /** Sends SIGINT, as Ctrl-C does. */
  ctrlC(): void;
  /** Sends SIGINT, as Ctrl-C does; resolves with the exit code. */
  leave(): Promise<number | null>;
  ended: Promise<number | null>;
}

export const watch = (args: readonly string[], env: NodeJS.ProcessEnv): Watching =>
  watchNode([hearthProgram, ...args], env);

/** Any program that runs until it is told to end. */
export function watchNode(args: readonly string[], env: NodeJS.ProcessEnv): Watching {
  const child = spawn(process.execPath, args, { env, stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  return {
    lines,
    ended,
    said: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = lines.find((line) => fits.test(line));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    type: (line) => void child.stdin.write(`${line}\n`),
    endInput: () => {
      child.stdin.end();
      return ended;
    },
    ctrlC: () => void child.kill('SIGINT'),
    leave: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}
