import { EventEmitter } from 'node:events';
import type { HearthError } from '@hearth/shared';
import { folderFault, type Logger } from '@hearth/shared/internal';
import type { Round } from '../rounds.js';

export interface HomeWatchDeps {
  /** The worker's own folder in its home. */
  folder: string;
  log: Logger;
}

export interface HomeWatchEvents {
  /** The worker has become ready, or not ready. */
  changed: [];
}

/**
 * Checks that the worker can write its files. While it cannot (a full disk), it is not ready: it starts no spare and takes no session, so
 * that turns go to other workers or wait. Sessions that it owns go on. Owns the reason why the worker is not ready.
 */
export class HomeWatch extends EventEmitter<HomeWatchEvents> implements Round {
  readonly name = 'home_watch';
  readonly everyMs = 2_000;
  private fault: HearthError | undefined;

  constructor(private readonly deps: HomeWatchDeps) {
    super();
  }

  get isReady(): boolean {
    return this.fault === undefined;
  }

  async run(stopping: AbortSignal): Promise<void> {
    const { folder, log } = this.deps;
    const fault = await folderFault(folder);
    // The folder of a worker that stops is removed.
    if (stopping.aborted || fault?.code === this.fault?.code) return;
    this.fault = fault;
    if (fault === undefined) log.info({ event: 'home.usable' }, 'files can be written again; the worker is ready');
    else log.error({ event: 'home.unusable', err: fault }, 'files cannot be written; the worker is not ready');
    this.emit('changed');
  }
}
