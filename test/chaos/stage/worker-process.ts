import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Recorder } from '../recorder.js';
import type { TroubleProxy } from './proxy.js';

const program = fileURLToPath(new URL('../../fixtures/faulty-worker.js', import.meta.url));

interface LogLine {
  msg?: string;
  time?: number;
  workerId?: string;
  sessionId?: string;
  pid?: number;
  reason?: string;
}

interface WorkerSettings {
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  onLine: (line: string) => void;
  /** How long others may be late for a death nobody planned. */
  recoveryMs: number;
}

/** One worker process with its own way to Redis. Its incarnation changes when it loses its lease. */
export class WorkerProcess {
  readonly exited: Promise<void>;
  workerId = '';
  isFrozen = false;
  isLeaving = false;
  private shiftMs = 0;
  private wasKilled = false;

  private constructor(
    private readonly child: ChildProcess,
    readonly proxy: TroubleProxy,
    private readonly recorder: Recorder,
    private readonly settings: WorkerSettings,
  ) {
    this.exited = once(child, 'exit').then(() => this.over());
    if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', (text) => this.heard(text));
  }

  /** Resolves when it serves, or has ended. */
  static async start(settings: WorkerSettings, proxy: TroubleProxy, recorder: Recorder): Promise<WorkerProcess> {
    const child = spawn(process.execPath, [program, ...settings.args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...settings.env, REDIS_URL: proxy.url },
    });
    const worker = new WorkerProcess(child, proxy, recorder, settings);
    const serves = child.stdout === null ? undefined : once(child.stdout, 'data');
    await Promise.race([serves, worker.exited]);
    return worker;
  }

  get isUp(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && !this.isLeaving;
  }
  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Dies at once; its guard ends its agents. */
  kill(): void {
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

  order(order: { stallMs?: number; shiftMs?: number }): void {
    if (order.shiftMs !== undefined) this.shiftMs = order.shiftMs;
    if (this.child.connected) this.child.send(order, () => undefined);
  }

  private over(): void {
    if (!this.isLeaving && !this.wasKilled) this.died('a worker died of itself', this.workerId, Date.now());
    this.isLeaving = true;
    this.recorder.note({ kind: 'worker', workerId: this.workerId, state: 'over' });
  }

  private died(what: string, workerId: string, at: number): void {
    const until = at + this.settings.recoveryMs;
    this.recorder.note({ kind: 'fault', at, what, workerId, isDeath: true, until });
  }

  private heard(text: string): void {
    this.settings.onLine(text);
    const line = parse(text);
    if (line?.msg === undefined) return;
    const { msg, workerId = this.workerId, sessionId, pid } = line;
    const at = line.time === undefined ? Date.now() : line.time - this.shiftMs;
    if (msg === 'worker serves') {
      this.workerId = workerId;
      this.recorder.note({ kind: 'worker', at, workerId, state: 'serves' });
    }
    if (msg.startsWith('the lease is lost')) this.died('a lease was lost', workerId, at);
    if (sessionId === undefined) return;
    if (givesUp.some((start) => msg.startsWith(start)))
      this.recorder.note({ kind: 'released', at, sessionId, workerId });
    if (losesAgent.some((start) => msg.startsWith(start)))
      this.recorder.note({ kind: 'agent_gone', at, sessionId, ...(pid === undefined ? {} : { pid }) });
  }
}

/** What a worker says when it gives a session up by itself. */
const givesUp = [
  'session handed over',
  'session released',
  'session closed',
  'an idle agent ended',
  'the session failed on this worker',
  'a write to the session store failed',
];
/** What a worker says when a session's agent ends. */
const losesAgent = [
  'the agent was lost',
  'an idle agent ended',
  'the agent has served long enough',
  'the transcript did not contain',
  'the agent did not stop its turn',
  'the agent took more memory',
  'a turn came while the session was given up',
];

function parse(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
