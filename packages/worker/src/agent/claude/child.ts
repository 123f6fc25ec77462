import { setTimeout } from 'node:timers/promises';
import { cutText } from '@hearth/shared/text';
import { execa } from 'execa';
import { agentMark, killMarked, killQuietly } from '../../processes/marked.js';
import type { OutOfMemoryKills } from '../../processes/memory-limit.js';
import type { AgentEnd, AgentExit } from '../driver.js';
import { LineSplitter } from './lines.js';

/** How much of an agent's stderr is kept for errors, in characters. */
const stderrTailLength = 2_000;
/** How long each step of the escalation waits for the process to end, ms. An idle CLI ends within 30 ms of stdin's end (measured). */
const askWaitMs = 1_000;
const termWaitMs = 2_000;
/** How long the pipes are read after the process and everything it started are gone, ms. */
const drainWaitMs = 1_000;

const after = (ms: number): Promise<undefined> => setTimeout(ms, undefined, { ref: false });

export interface ChildSpec {
  binary: string;
  args: readonly string[];
  cwd: string;
  env: Record<string, string>;
  agentId: string;
  outOfMemoryKills: OutOfMemoryKills;
  onLine: (line: string) => void;
  onTooLong: (bytes: number) => void;
  onStderr: (text: string) => void;
}

/** Detached: in a process group of its own. No clean-up by execa, because the watchdog and `end` also reach what outlives the child. */
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
 * One child process in a process group of its own. Owns its pipes and its end.
 *
 * C1 stdout and stderr are always read, so that the child never blocks on a full pipe.
 * C2 The exit promise exists from the start and never rejects.
 * C3 Once `exited`, nothing that the agent started is left. Its shell tools run in process sessions of their own and are found by their mark.
 * C4 The exit of the process counts, not the end of its pipes, because what it started may hold them open. The pipes are read after it.
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
    // Decoded as a stream, because a chunk can end inside a character.
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderrTail = cutText(this.stderrTail + text, stderrTailLength, 'end');
      spec.onStderr(text);
    });
    // A write to a dying child may fail. Its exit reports the death.
    this.process.stdin.on('error', () => undefined);
    const gone = new Promise<void>((resolve) => {
      this.process.once('exit', () => resolve());
      // A child that could not be spawned has no exit event.
      void this.process.then(() => resolve());
    });
    this.gone = gone.then(() => {
      this.isGone = true;
    });
    this.exited = this.gone.then(() => this.finish());
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  write(line: string): void {
    if (!this.isGone) this.process.stdin.write(`${line}\n`);
  }

  /** Ends the child and everything it started. A second call joins the first, but `now` kills at once. */
  async end(how: AgentEnd): Promise<AgentExit> {
    if (how === 'now') this.signalGroup('SIGKILL');
    this.ending ??= this.escalate(how);
    return this.ending;
  }

  private async escalate(how: AgentEnd): Promise<AgentExit> {
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

  private async finish(): Promise<AgentExit> {
    const { exitCode, signalCode } = this.process;
    const isOutOfMemory = signalCode === 'SIGKILL' && this.ending === undefined && this.spec.outOfMemoryKills.take();
    await killMarked(agentMark, this.spec.agentId).catch(() => undefined);
    // A process that wiped its environment escapes the mark and may hold a pipe, so the wait for the end of the pipes is short.
    const result = await Promise.race([this.process, after(drainWaitMs)]);
    if (this.pid === undefined)
      return { code: undefined, signal: undefined, stderrTail: result?.originalMessage ?? '', isOutOfMemory };
    const stderrTail = this.stderrTail.trim();
    return { code: exitCode ?? undefined, signal: signalCode ?? undefined, stderrTail, isOutOfMemory };
  }

  private async goneWithin(ms: number): Promise<boolean> {
    return Promise.race([this.gone.then(() => true), after(ms).then(() => false)]);
  }

  private signalGroup(signal: NodeJS.Signals): void {
    if (this.pid !== undefined && !this.isGone) killQuietly(-this.pid, signal);
  }
}
