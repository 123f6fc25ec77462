import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { agentMark, killMarked, killQuietly } from '../../processes/marked.js';
import type { AgentEnd, AgentExit } from '../driver.js';
import { LineSplitter } from './lines.js';

/** How much of an agent's stderr is kept for errors, in characters. */
const stderrTailLength = 2_000;
/** The ladder: how long each step waits for the process to go, ms. An idle CLI ends within 30 ms of stdin's end. */
const askWaitMs = 1_000;
const termWaitMs = 2_000;
/** How long pipes are read after the process and all it started are gone, ms. */
const drainWaitMs = 1_000;

const patience = (ms: number): Promise<undefined> => setTimeout(ms, undefined, { ref: false });

export interface ChildSpec {
  binary: string;
  args: readonly string[];
  cwd: string;
  env: Record<string, string>;
  agentId: string;
  onLine: (line: string) => void;
  onTooLong: (bytes: number) => void;
  onStderr: (text: string) => void;
}

/** detached: a process group of its own. No clean-up by execa: the watchdog and `end` do that, also for what outlives the child. */
const launch = ({ binary, args, cwd, env }: ChildSpec) =>
  execa(binary, args, {
    cwd,
    env,
    extendEnv: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
  });

/**
 * One child process, in a process group of its own: its pipes, its end.
 *
 * C1 stdout is always read, and stderr drained, so that the child never blocks on a full pipe.
 * C2 The exit promise is born with the child and never rejects.
 * C3 Once `exited`, nothing the agent started is left: its shell tools run in sessions of their own and are found by their mark.
 * C4 The process's exit is what counts, not its pipes' end: what it started may hold them open. They are read to their end after that.
 */
export class Child {
  readonly exited: Promise<AgentExit>;
  private readonly gone: Promise<void>;
  private readonly process: ReturnType<typeof launch>;
  private stderrTail = '';
  private isGone = false;
  private ending: Promise<AgentExit> | undefined;

  constructor(private readonly spec: ChildSpec) {
    this.process = launch(spec);
    const splitter = new LineSplitter(spec.onLine, spec.onTooLong);
    this.process.stdout.on('data', (chunk: Buffer) => splitter.push(chunk));
    this.process.stderr.on('data', (chunk: Buffer) => {
      const text = chunk.toString('utf8');
      this.stderrTail = (this.stderrTail + text).slice(-stderrTailLength);
      spec.onStderr(text);
    });
    // A write to a child that has just died: its exit says it better.
    this.process.stdin.on('error', () => undefined);
    const gone = new Promise<void>((resolve) => {
      this.process.once('exit', () => resolve());
      // A child that could not even be spawned has no exit.
      void this.process.then(() => resolve());
    });
    this.gone = gone.then(() => {
      this.isGone = true;
    });
    this.exited = this.gone.then(() => this.lastWords());
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  write(line: string): void {
    if (!this.isGone) this.process.stdin.write(`${line}\n`);
  }

  /** Ends the child and everything it started. Asking twice is the same end, unless the second is in a hurry. */
  async end(how: AgentEnd): Promise<AgentExit> {
    if (how === 'now') this.signalGroup('SIGKILL');
    this.ending ??= this.climb(how);
    return this.ending;
  }

  private async climb(how: AgentEnd): Promise<AgentExit> {
    if (how === 'ask') {
      this.process.stdin.end();
      if (await this.goneWithin(askWaitMs)) return this.exited;
    }
    if (how !== 'now') {
      this.signalGroup('SIGTERM');
      if (!(await this.goneWithin(termWaitMs))) this.signalGroup('SIGKILL');
    }
    return this.exited;
  }

  private async lastWords(): Promise<AgentExit> {
    await killMarked(agentMark, this.spec.agentId).catch(() => undefined);
    // What escaped the mark (it wiped its environment) may still hold a pipe: its end is not waited for long.
    const result = await Promise.race([this.process, patience(drainWaitMs)]);
    if (this.pid === undefined)
      return { code: undefined, signal: undefined, stderrTail: result?.originalMessage ?? '' };
    const { exitCode, signalCode } = this.process;
    return { code: exitCode ?? undefined, signal: signalCode ?? undefined, stderrTail: this.stderrTail.trim() };
  }

  private async goneWithin(ms: number): Promise<boolean> {
    return Promise.race([this.gone.then(() => true), patience(ms).then(() => false)]);
  }

  private signalGroup(signal: NodeJS.Signals): void {
    if (this.pid !== undefined && !this.isGone) killQuietly(-this.pid, signal);
  }
}
