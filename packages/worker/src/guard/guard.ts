import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@hearth/shared';

const program = fileURLToPath(new URL('./main.js', import.meta.url));

type State = { kind: 'idle' } | { kind: 'running'; child: ChildProcess; ready: Promise<void> } | { kind: 'stopped' };

/**
 * The worker's end of its guard. Owns the guard process.
 * A guard that dies is started again at once: agents never run unguarded for longer than that takes.
 */
export class Guard {
  private state: State = { kind: 'idle' };
  private lastBeat: bigint | undefined;

  constructor(
    private readonly workerId: string,
    private readonly silenceMs: number,
    private readonly log: Logger,
  ) {}

  /** Resolves when the guard watches. */
  async start(): Promise<void> {
    if (this.state.kind !== 'idle') return;
    await this.launch();
  }

  /** Tells the guard that a renewal sent at `sentNs` (monotonic clock, ns) was confirmed. */
  beat(sentNs: bigint): void {
    this.lastBeat = sentNs;
    // A write to a guard that has just died is answered by its exit, which starts the next one.
    if (this.state.kind === 'running') this.state.child.stdin?.write(`beat ${sentNs}\n`, () => undefined);
  }

  /** Ends the guard; it makes sure, last, that nothing with the worker's mark is left. */
  async stop(): Promise<void> {
    if (this.state.kind !== 'running') return;
    const { child } = this.state;
    this.state = { kind: 'stopped' };
    const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.stdin?.end();
    await gone;
  }

  private launch(): Promise<void> {
    // detached: a signal to the worker's process group must not reach its guard.
    const child = spawn(process.execPath, [program, this.workerId, String(this.silenceMs)], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
    });
    child.stdin.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout });
    const ready = new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (line === 'ready') resolve();
        else this.log.error({ guard: line }, 'the guard had to act');
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        reject(new Error(`the guard ended before it was ready (${code ?? signal})`));
        if (this.state.kind !== 'running') return;
        this.log.error({ code, signal }, 'the guard died; starting another');
        this.launch().catch((error: unknown) => this.log.error({ err: error }, 'the guard could not be started'));
      });
    });
    this.state = { kind: 'running', child, ready };
    if (this.lastBeat !== undefined) this.beat(this.lastBeat);
    return ready;
  }
}
