import type { Logger } from '@hearth/shared/internal';

/** Work that a worker does again and again while it serves. */
export interface Round {
  /** Its name in log events: `<name>.failed`. */
  readonly name: string;
  /** ms between the end of one run and the start of the next. */
  readonly everyMs: number;
  /** One run. `stopping` aborts when the worker wants it to end early. */
  run(stopping: AbortSignal): Promise<void>;
}

type State =
  | { kind: 'idle' }
  | { kind: 'waiting'; timer: NodeJS.Timeout }
  | { kind: 'running'; done: Promise<void> }
  | { kind: 'stopped' };

/** Repeats one round. Owns the timer between runs. */
export class RepeatedRound {
  private readonly stopping = new AbortController();
  private state: State = { kind: 'idle' };

  constructor(
    private readonly round: Round,
    private readonly log: Logger,
  ) {}

  start(): void {
    if (this.stopping.signal.aborted) return;
    this.state = { kind: 'waiting', timer: setTimeout(() => this.run(), this.round.everyMs) };
  }

  /** Starts no other run. Resolves when the running one is over. */
  async stop(): Promise<void> {
    const { state } = this;
    this.stopping.abort();
    this.state = { kind: 'stopped' };
    if (state.kind === 'waiting') clearTimeout(state.timer);
    if (state.kind === 'running') await state.done;
  }

  private run(): void {
    const { name } = this.round;
    const done = this.round
      .run(this.stopping.signal)
      .catch((error: unknown) => this.log.warn({ event: `${name}.failed`, err: error }, 'a periodic round failed'))
      .finally(() => this.start());
    this.state = { kind: 'running', done };
  }
}
