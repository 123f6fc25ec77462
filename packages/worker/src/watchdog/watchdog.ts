import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Backoff, type Logger } from '@hearth/shared/internal';

const watchdogProgram = [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))] as const;
/** A watchdog that lived for so long had a good start, ms. */
const holdMs = 10_000;

type State =
  | { kind: 'idle' }
  | { kind: 'running'; child: ChildProcess }
  | { kind: 'waiting'; timer: NodeJS.Timeout }
  | { kind: 'stopped' };

/**
 * The worker's side of its watchdog. Owns the watchdog process. A watchdog that dies is started again at once, and again with a
 * back-off, so that agents never run without one for longer than a start takes.
 */
export class Watchdog {
  private state: State = { kind: 'idle' };
  private lastBeat: bigint | undefined;
  private readonly backoff = new Backoff({ firstMs: 50, atMostMs: 5_000, holdMs });

  constructor(
    private readonly workerId: string,
    private readonly silenceMs: number,
    private readonly log: Logger,
    private readonly program: readonly [string, ...string[]] = watchdogProgram,
  ) {}

  /** Resolves when the watchdog watches. */
  async start(): Promise<void> {
    if (this.state.kind !== 'idle') return;
    await this.launch();
  }

  /** Tells the watchdog that a renewal sent at `sentNs` (monotonic clock, ns) was confirmed. */
  beat(sentNs: bigint): void {
    this.lastBeat = sentNs;
    // A write to a dying watchdog may fail. Its exit starts the next one.
    if (this.state.kind === 'running') this.state.child.stdin?.write(`beat ${sentNs}\n`, () => undefined);
  }

  /** Ends the watchdog. It kills last what still has the worker's mark. */
  async stop(): Promise<void> {
    const { state } = this;
    this.state = { kind: 'stopped' };
    if (state.kind === 'waiting') clearTimeout(state.timer);
    if (state.kind !== 'running') return;
    const { child } = state;
    const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.stdin?.end();
    await gone;
  }

  private launch(): Promise<void> {
    const [command, ...args] = this.program;
    // detached, because a signal to the worker's process group must not reach its watchdog.
    const child = spawn(command, [...args, this.workerId, String(this.silenceMs)], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
    });
    child.stdin.on('error', () => undefined);
    this.state = { kind: 'running', child };
    if (this.lastBeat !== undefined) this.beat(this.lastBeat);
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line !== 'ready') return this.log.error({ event: 'watchdog.acted', watchdog: line }, 'the watchdog acted');
        this.backoff.succeeded();
        resolve();
      });
      const over = (why: string): void => {
        reject(new Error(why));
        if (this.state.kind === 'running') this.launchLater(why);
      };
      // A child without a pid was never spawned, so it has no exit event.
      child.on('error', (error) => child.pid === undefined && over(error.message));
      child.once('exit', (code, signal) => over(`the watchdog ended (${code ?? signal})`));
    });
  }

  private launchLater(why: string): void {
    const waitMs = this.backoff.failed();
    const retryInMs = Math.round(waitMs);
    this.log.error({ event: 'watchdog.died', why, retryInMs }, 'the watchdog died; starting another');
    const timer = setTimeout(() => {
      this.launch().catch((error: unknown) => {
        if (this.state.kind === 'stopped') return;
        this.log.error({ event: 'watchdog.start_failed', err: error }, 'could not start the watchdog');
      });
    }, waitMs);
    this.state = { kind: 'waiting', timer };
  }
}
