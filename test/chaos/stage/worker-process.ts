import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Recorder } from '../recorder.js';
import { within } from '../within.js';
import type { TroubleProxy } from './proxy.js';

/** Vitest runs this file from its source; a worker in a process of its own needs the build. */
const built = import.meta.url.endsWith('.ts') ? '../../dist' : '../..';
const program = fileURLToPath(new URL(`${built}/fixtures/faulty-worker.js`, import.meta.url));

interface LogLine {
  event?: string;
  time?: number;
  workerId?: string;
  sessionId?: string;
  turnId?: string;
  pid?: number;
  reason?: string;
}

interface WorkerSettings {
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  home: string;
  /** It gets the home of a worker that could not end its agents. */
  owesHome: boolean;
  onLine: (line: string) => void;
}

/** Commands to a worker of the suite: block its event loop, or change its clock. */
type Order = { stallMs: number } | { shiftMs: number };
/** The tolerance of such a command, in ms. */
const orderGraceMs = 5_000;

/** One worker process with a proxy to Redis. It gets another worker id when it loses its lease. */
export class WorkerProcess {
  readonly exited: Promise<void>;
  /** Whether it serves, or has ended. */
  readonly ready: Promise<void>;
  /** The worker id; empty before it serves. */
  workerId = '';
  isFrozen = false;
  isLeaving = false;
  /** The next worker with its home has to end the processes it leaves. */
  owesHome: boolean;
  private shiftMs = 0;
  private wasKilled = false;
  private readonly child: ChildProcess;

  constructor(
    private readonly settings: WorkerSettings,
    readonly proxy: TroubleProxy,
    private readonly recorder: Recorder,
  ) {
    this.owesHome = settings.owesHome;
    this.child = spawn(process.execPath, [program, ...settings.args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...settings.env, HEARTH_HOME: settings.home, HOME: settings.home, REDIS_URL: proxy.url },
    });
    const { stdout, stderr } = this.child;
    this.exited = once(this.child, 'exit').then(() => this.over());
    this.ready = Promise.race([stdout === null ? undefined : once(stdout, 'data'), this.exited]).then(() => undefined);
    if (stderr !== null) createInterface({ input: stderr }).on('line', (text) => this.heard(text));
  }

  /** Its process runs, and was not told to end. */
  get isThere(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && !this.isLeaving;
  }
  get isUp(): boolean {
    return this.isThere && this.workerId !== '';
  }
  get pid(): number {
    return this.child.pid ?? -1;
  }
  get home(): string {
    return this.settings.home;
  }

  /** Kills it; its watchdog ends its agents. */
  kill(): void {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.dies('it was killed');
    this.wasKilled = true;
    this.child.kill('SIGKILL');
  }

  freeze(): void {
    this.isFrozen = true;
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.isFrozen = false;
    this.child.kill('SIGCONT');
  }

  /** Tells it to finish the running turns and end. */
  drain(): void {
    this.isLeaving = true;
    this.child.kill('SIGTERM');
  }

  /** Resolves when it has ended; false if it does not. */
  async order(order: Order): Promise<boolean> {
    if ('shiftMs' in order) this.shiftMs = order.shiftMs;
    if (!this.child.connected) return false;
    const gone = new AbortController();
    const told = once(this.child, 'message', { signal: gone.signal }).then(() => true);
    this.child.send(order, () => undefined);
    const late = pause(('stallMs' in order ? order.stallMs : 0) + orderGraceMs, false, { signal: gone.signal });
    const over = this.exited.then(() => false);
    const outcome = await Promise.race([told, late, over]);
    gone.abort();
    await Promise.allSettled([told, late]);
    return outcome;
  }

  /** Resolves when it has ended. If that takes more than this many ms, it is killed, and that is recorded. */
  async leaves(withinMs: number): Promise<void> {
    await within(withinMs, this.exited);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.recorder.note({
      kind: 'left',
      what: `a worker: ${this.workerId} (${this.pid}), told to end ${withinMs} ms before`,
    });
    this.kill();
    await this.exited;
  }

  /** From this time on it serves no turns under this name. */
  dies(why: string, isOfItself = false): void {
    if (this.workerId !== '') this.recorder.note({ kind: 'death', workerId: this.workerId, why, isOfItself });
  }

  private over(): void {
    if (!this.isLeaving && !this.wasKilled) this.dies('it ended by itself', true);
    this.isLeaving = true;
    if (this.workerId !== '') this.recorder.note({ kind: 'worker', workerId: this.workerId, state: 'over' });
  }

  private heard(text: string): void {
    this.settings.onLine(text);
    const line = parse(text);
    if (line?.event === undefined) return;
    const { event, workerId = this.workerId, sessionId, turnId = '', pid } = line;
    const at = this.timeOf(line);
    if (event === 'worker.serving') {
      this.workerId = workerId;
      this.owesHome = false;
      this.recorder.note({ kind: 'worker', at, workerId, state: 'serves' });
    }
    // A worker that lost its lease starts again under another name in the same process.
    if (event === 'worker.stopped') this.recorder.note({ kind: 'worker', at, workerId, state: 'over' });
    if (sessionId === undefined) return;
    const agent = pid === undefined ? {} : { pid };
    if (event === 'turn.started') this.recorder.note({ kind: 'served', at, sessionId, turnId, workerId, ...agent });
    if (givesUp.has(event)) this.recorder.note({ kind: 'released', at, sessionId, workerId });
    if (losesAgent.has(event)) this.recorder.note({ kind: 'agent_gone', at, sessionId, ...agent });
  }

  /** The time of a log line, by the clock of this process. */
  private timeOf({ time }: LogLine): number {
    const now = Date.now();
    const times = time === undefined ? [] : [time, time - this.shiftMs];
    const late = (at: number): number => Math.abs(now - at);
    // Its clock may have changed: the nearest possible time is right.
    return times.filter((at) => late(at) < believableMs).sort((a, b) => late(a) - late(b))[0] ?? now;
  }
}

/** A line cannot be further away from now, in ms: otherwise its writer's clock has changed. */
const believableMs = 30_000;

/** Log events with which a worker releases a session by itself. */
const givesUp = new Set([
  'session.handed_over',
  'session.released',
  'session.closed',
  'agent.idle_exit',
  'session.failed',
  'session.write_failed',
]);
/** Log events with which a session's agent ends. */
const losesAgent = new Set([
  'agent.lost',
  'agent.idle_exit',
  'agent.recycled',
  'turn.not_durable',
  'turn.stop_escalated',
  'agent.memory_exceeded',
  'session.release_refused',
]);

function parse(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
