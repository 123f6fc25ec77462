import { setTimeout as pause } from 'node:timers/promises';
import { describeError, toErrorBody } from '@hearth/shared';
import { Backoff } from '@hearth/shared/internal';
import { startWorkerProcess, type WorkerProcess } from './worker-process.js';

type WorkerOptions = Parameters<typeof startWorkerProcess>[0];

/** A worker that lived for so long had a good start, ms. */
const holdMs = 60_000;

/**
 * A worker that is replaced when it ends by itself, like under a supervisor. Owns its process and the back-off of starts. It reports on
 * stderr, because a person reads no log of a worker that seems to serve.
 */
export class KeptWorker {
  private readonly backoff = new Backoff({ firstMs: 1_000, atMostMs: 30_000, holdMs });
  private readonly stopping = new AbortController();
  private readonly kept: Promise<void>;

  private constructor(
    private readonly options: WorkerOptions,
    private current: WorkerProcess,
    private readonly say: (text: string) => void,
  ) {
    this.backoff.succeeded();
    this.kept = this.keep();
  }

  /** Resolves when it serves. @throws HearthError when it does not start */
  static async start(options: WorkerOptions, say: (text: string) => void): Promise<KeptWorker> {
    return new KeptWorker(options, await startWorkerProcess(options), say);
  }

  /** The worker that serves, or served last. */
  get process(): WorkerProcess {
    return this.current;
  }

  /** Drains it. No other worker follows. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.kept;
    await this.current.stop();
  }

  private async keep(): Promise<void> {
    const { signal } = this.stopping;
    const told = new Promise<'told'>((resolve) => signal.addEventListener('abort', () => resolve('told')));
    for (;;) {
      const { current } = this;
      const code = await Promise.race([current.exited, told]);
      if (code === 'told') return;
      this.say(`${this.name} ended (${code}): ${current.lastWords()}; another is started (log: ${current.logFile})`);
      while (this.current === current) {
        await pause(this.backoff.failed(), undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        await this.startAnother();
      }
    }
  }

  private async startAnother(): Promise<void> {
    try {
      this.current = await startWorkerProcess({ ...this.options, isAnother: true });
      this.backoff.succeeded();
      this.say(`${this.name} serves again with number ${this.current.workerNumber}`);
    } catch (error) {
      this.say(`${this.name} does not start: ${describeError(toErrorBody(error))}`);
    }
  }

  private get name(): string {
    return `Worker ${this.options.number}`;
  }
}
