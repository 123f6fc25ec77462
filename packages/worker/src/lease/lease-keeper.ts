import { EventEmitter } from 'node:events';
import { HearthError, type LeaseStore, type Logger, type WorkerRecord } from '@hearth/shared';

export interface LeaseTimes {
  /** The worker lease's TTL. */
  ttlMs: number;
  /** How long before the lease can expire the worker's agents are stopped for sure. */
  marginMs: number;
}

/** Renewals in one TTL: two may be lost before the third is too late. */
const renewalsPerTtl = 4;

interface LeaseEvents {
  /** A renewal sent at this time (monotonic clock, ns) was confirmed. */
  confirmed: [sentNs: bigint];
  /** The lease is lost for ever; the worker must end. Emitted once. */
  lost: [reason: string];
}

type State = { kind: 'idle' } | { kind: 'held'; timer: NodeJS.Timeout; confirmedNs: bigint } | { kind: 'over' };

/**
 * Takes the worker lease and keeps it. Owns the renewal timer.
 *
 * L1 A renewal counts from when it was sent, never from when it was answered.
 * L2 A renewal never recreates the lease: absent once is lost for ever.
 * L3 Without a confirmed renewal for TTL − margin it is treated as lost, whatever Redis would say.
 */
export class LeaseKeeper extends EventEmitter<LeaseEvents> {
  private state: State = { kind: 'idle' };
  private renewing = false;
  private refreshAsked = false;

  constructor(
    private readonly leases: LeaseStore,
    private readonly times: LeaseTimes,
    private readonly record: () => WorkerRecord,
    private readonly log: Logger,
  ) {
    super();
  }

  /** Takes a lease and a seat. @throws HearthError `lease_lost` when this incarnation had one before */
  async start(): Promise<{ seat: number; formerHolder: string | undefined }> {
    const sentNs = process.hrtime.bigint();
    const acquired = await this.leases.acquire(this.record(), this.times.ttlMs);
    if (acquired.kind === 'dead')
      throw new HearthError('lease_lost', 'This worker had a lease and lost it.', { wayOut: 'Start a new worker.' });
    const timer = setInterval(() => void this.tick(), this.times.ttlMs / renewalsPerTtl);
    this.state = { kind: 'held', timer, confirmedNs: sentNs };
    this.emit('confirmed', sentNs);
    return acquired;
  }

  /** Writes the worker record now, between two renewals; used when its state changes. */
  refresh(): void {
    this.refreshAsked = this.renewing;
    void this.tick();
  }

  /** Gives lease and seat back. */
  async stop(): Promise<void> {
    const held = this.end();
    if (!held) return;
    const { workerId, seat } = this.record();
    await this.leases.release(workerId, seat);
  }

  private async tick(): Promise<void> {
    if (this.state.kind !== 'held') return;
    const silentMs = Number(process.hrtime.bigint() - this.state.confirmedNs) / 1e6;
    if (silentMs > this.times.ttlMs - this.times.marginMs)
      return this.lose(`no renewal was confirmed for ${Math.round(silentMs)} ms`);
    if (this.renewing) return;
    this.renewing = true;
    const sentNs = process.hrtime.bigint();
    try {
      const answer = await this.leases.renew(this.record(), this.times.ttlMs);
      if (answer === 'dead') return this.lose('the lease had expired');
      if (this.state.kind === 'held') {
        this.state.confirmedNs = sentNs;
        this.emit('confirmed', sentNs);
      }
    } catch (error) {
      this.log.warn({ err: error }, 'a renewal of the lease failed');
    } finally {
      this.renewing = false;
    }
    if (this.refreshAsked) this.refresh();
  }

  private lose(reason: string): void {
    if (this.end()) this.emit('lost', reason);
  }

  private end(): boolean {
    if (this.state.kind !== 'held') return false;
    clearInterval(this.state.timer);
    this.state = { kind: 'over' };
    return true;
  }
}
