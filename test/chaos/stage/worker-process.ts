import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Recorder } from '../recorder.js';
import { within } from '../within.js';
import type { TroubleProxy } from './proxy.js';

/** Vitest runs us from our source; a worker is a process of its own, and is not. */
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
  /** It is the next one with the home of a worker that could not end its agents. */
  owesHome: boolean;
  onLine: (line: string) => void;
}

/** What a worker of the suite is told to do: stand still, or have its clock jump. */
type Order = { stallMs: number } | { shiftMs: number };
/** How much longer than asked for it may take, ms. */
const orderGraceMs = 5_000;

/** One worker process with its own way to Redis. Its incarnation changes when it loses its lease. */
export class WorkerProcess {
  readonly exited: Promise<void>;
  /** It serves, or has ended. */
  readonly ready: Promise<void>;
  /** The name of its incarnation; empty before it serves. */
  workerId = '';
  isFrozen = false;
  isLeaving = false;
  /** Whoever comes next with its home has to end what it leaves. */
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

  /** Dies at once; its watchdog ends its agents. */
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

  /** Asks it to finish what runs and go. */
  drain(): void {
    this.isLeaving = true;
    this.child.kill('SIGTERM');
  }

  /** Resolves when it has done so: false if it never tells. */
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

  /** Resolves when it has ended, as it was told to before: if not within so many ms, it has to be killed, and that is written down. */
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

  /** From now on it serves nothing under this name. */
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
    // One that has lost its lease begins anew under another name, in the same process.
    if (event === 'worker.stopped') this.recorder.note({ kind: 'worker', at, workerId, state: 'over' });
    if (sessionId === undefined) return;
    const agent = pid === undefined ? {} : { pid };
    if (event === 'turn.started') this.recorder.note({ kind: 'served', at, sessionId, turnId, workerId, ...agent });
    if (givesUp.has(event)) this.recorder.note({ kind: 'released', at, sessionId, workerId });
    if (losesAgent.has(event)) this.recorder.note({ kind: 'agent_gone', at, sessionId, ...agent });
  }

  /** When it said a line, by our clock. */
  private timeOf({ time }: LogLine): number {
    const now = Date.now();
    const times = time === undefined ? [] : [time, time - this.shiftMs];
    const late = (at: number): number => Math.abs(now - at);
    // Its clock may have jumped by little: the time that is nearest is the right one.
    return times.filter((at) => late(at) < believableMs).sort((a, b) => late(a) - late(b))[0] ?? now;
  }
}

/** Further from now a line cannot have been said: its writer's clock has jumped, ms. */
const believableMs = 30_000;

/** Events of a worker's log with which it gives a session up by itself. */
const givesUp = new Set([
  'session.handed_over',
  'session.released',
  'session.closed',
  'agent.idle_exit',
  'session.failed',
  'session.write_failed',
]);
/** Events of a worker's log with which a session's agent ends. */
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
