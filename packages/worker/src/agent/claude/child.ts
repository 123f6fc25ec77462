import { execa } from 'execa';
import { agentMark, killMarked, killQuietly } from '../../processes/marked.js';
import type { AgentExit } from '../driver.js';
import { LineSplitter } from './lines.js';

/** How much of an agent's stderr is kept for errors, in characters. */
const stderrTailLength = 2_000;
/** The ladder: how long each step waits for the process to go, ms. An idle CLI ends within 30 ms of stdin's end. */
const askWaitMs = 1_000;
const termWaitMs = 2_000;

export interface ChildSpec {
  binary: string;
  args: readonly string[];
  cwd: string;
  env: Record<string, string>;
  agentId: string;
  onLine: (line: string) => void;
  onTooLong: (bytes: number) => void;
}

/** detached: a process group of its own. No clean-up by execa: the guard and `end` do that, also for what outlives the child. */
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
 * C3 After `end` nothing the agent started is left: its shell tools run in sessions of their own and are found by their mark.
 */
export class Child {
  readonly exited: Promise<AgentExit>;
  private readonly process: ReturnType<typeof launch>;
  private stderrTail = '';
  private isGone = false;
  private ending: Promise<AgentExit> | undefined;

  constructor(private readonly spec: ChildSpec) {
    this.process = launch(spec);
    const splitter = new LineSplitter(spec.onLine, spec.onTooLong);
    this.process.stdout.on('data', (chunk: Buffer) => splitter.push(chunk));
    this.process.stderr.on('data', (chunk: Buffer) => {
      this.stderrTail = (this.stderrTail + chunk.toString('utf8')).slice(-stderrTailLength);
    });
    // A write to a child that has just died: its exit says it better.
    this.process.stdin.on('error', () => undefined);
    this.exited = this.process.then((result) => {
      this.isGone = true;
      const failedToStart = this.pid === undefined ? (result.originalMessage ?? '') : '';
      return { code: result.exitCode, signal: result.signal, stderrTail: (this.stderrTail || failedToStart).trim() };
    });
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  write(line: unknown): void {
    if (!this.isGone) this.process.stdin.write(`${JSON.stringify(line)}\n`);
  }

  /** Ends the child and everything it started. Asking twice is the same end, unless the second is in a hurry. */
  async end(how: 'ask' | 'now'): Promise<AgentExit> {
    if (how === 'now') this.signalGroup('SIGKILL');
    this.ending ??= this.climb(how);
    return this.ending;
  }

  private async climb(how: 'ask' | 'now'): Promise<AgentExit> {
    if (how === 'ask') {
      this.process.stdin.end();
      if (!(await this.goneWithin(askWaitMs))) {
        this.signalGroup('SIGTERM');
        if (!(await this.goneWithin(termWaitMs))) this.signalGroup('SIGKILL');
      }
    }
    const exit = await this.exited;
    await killMarked(agentMark, this.spec.agentId);
    return exit;
  }

  private async goneWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const gone = await Promise.race([this.exited.then(() => true), late]);
    clearTimeout(timer);
    return gone;
  }

  private signalGroup(signal: NodeJS.Signals): void {
    if (this.pid !== undefined && !this.isGone) killQuietly(-this.pid, signal);
  }
}
