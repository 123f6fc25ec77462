import { EventEmitter } from 'node:events';
import { HearthError } from '@hearth/shared';
import type { LeaseStore, Logger } from '@hearth/shared/internal';
import type { WorkerStatus } from './worker-status.js';

export interface LeaseTimes {
  /** The worker lease's TTL. */
  ttlMs: number;
  /** How long before the lease can expire the worker's agents are killed. */
  marginMs: number;
}

/** Renewals in one TTL. Two may be lost before the third is too late. */
const renewalsPerTtl = 4;

interface LeaseEvents {
  /** A renewal was confirmed that was sent at this time (monotonic clock, ns). */
  confirmed: [sentNs: bigint];
  /** The lease is lost for ever, and the worker must end. Emitted once. */
  lost: [reason: string];
}

type State =
  | { kind: 'idle' }
  | { kind: 'held'; renewals: NodeJS.Timeout; deadline: NodeJS.Timeout; confirmedNs: bigint }
  | { kind: 'releasing'; deadline: NodeJS.Timeout }
  | { kind: 'over' };

/**
 * Acquires the worker lease and renews it. Owns the timers of renewal and of the lease's end.
 *
 * L1 A renewal counts from when it was sent, never from when it was answered.
 * L2 A renewal never recreates the lease. A lease that is absent once is lost for ever.
 * L3 After TTL − margin without a confirmed renewal the lease counts as lost, whatever Redis would answer. At that moment the watchdog
 *    kills the agents, so the worker must decide nothing from their state.
 */
export class LeaseKeeper extends EventEmitter<LeaseEvents> {
  private state: State = { kind: 'idle' };
  private renewing = false;
  private refreshAsked = false;

  constructor(
    private readonly leases: LeaseStore,
    private readonly times: LeaseTimes,
    private readonly status: Pick<WorkerStatus, 'record' | 'serves'>,
    private readonly log: Logger,
  ) {
    super();
  }

  /** Acquires a lease and a worker number. @throws HearthError `lease_lost` when this incarnation had a lease before */
  async start(): Promise<{ workerNumber: number }> {
    const sentNs = process.hrtime.bigint();
    const acquired = await this.leases.acquire(this.status.record(), this.times.ttlMs);
    if (acquired.kind === 'dead')
      throw new HearthError('lease_lost', 'This worker had a lease and lost it.', { wayOut: 'Start a new worker.' });
    const renewals = setInterval(() => void this.tick(), this.times.ttlMs / renewalsPerTtl);
    this.state = { kind: 'held', renewals, deadline: this.deadline(sentNs), confirmedNs: sentNs };
    this.status.serves(acquired.workerNumber);
    this.emit('confirmed', sentNs);
    return acquired;
  }

  /** Publishes the worker record now, between two renewals. */
  refresh(): void {
    this.refreshAsked = this.renewing;
    void this.tick();
  }

  /** Releases lease and worker number. Emits `lost` when Redis does not answer before the lease ends. */
  async stop(): Promise<void> {
    if (this.state.kind !== 'held') return;
    const { renewals, deadline } = this.state;
    clearInterval(renewals);
    this.state = { kind: 'releasing', deadline };
    const { workerId, workerNumber } = this.status.record();
    await this.leases.release(workerId, workerNumber).catch((error: unknown) => {
      this.log.warn({ event: 'lease.release_failed', err: error }, 'could not release the lease; it will expire');
    });
    this.end();
  }

  private async tick(): Promise<void> {
    if (this.state.kind !== 'held') return;
    if (this.leftMs(this.state.confirmedNs) < 0) return this.loseUnconfirmed(this.state.confirmedNs);
    if (this.renewing) return;
    this.renewing = true;
    const sentNs = process.hrtime.bigint();
    try {
      const answer = await this.leases.renew(this.status.record(), this.times.ttlMs);
      if (answer === 'dead') return this.lose('the lease had expired');
      if (this.state.kind === 'held') {
        clearTimeout(this.state.deadline);
        this.state = { ...this.state, deadline: this.deadline(sentNs), confirmedNs: sentNs };
        this.emit('confirmed', sentNs);
      }
    } catch (error) {
      this.log.warn({ event: 'lease.renewal_failed', err: error }, 'a renewal of the lease failed');
    } finally {
      this.renewing = false;
    }
    if (this.refreshAsked) this.refresh();
  }

  private deadline(sentNs: bigint): NodeJS.Timeout {
    return setTimeout(() => this.loseUnconfirmed(sentNs), this.leftMs(sentNs));
  }

  private leftMs(sentNs: bigint): number {
    return this.times.ttlMs - this.times.marginMs - elapsedMs(sentNs);
  }

  private loseUnconfirmed(sentNs: bigint): void {
    this.lose(`no renewal was confirmed for ${Math.round(elapsedMs(sentNs))} ms`);
  }

  private lose(reason: string): void {
    if (this.end()) this.emit('lost', reason);
  }

  private end(): boolean {
    if (this.state.kind === 'idle' || this.state.kind === 'over') return false;
    if (this.state.kind === 'held') clearInterval(this.state.renewals);
    clearTimeout(this.state.deadline);
    this.state = { kind: 'over' };
    return true;
  }
}

const elapsedMs = (sinceNs: bigint): number => Number(process.hrtime.bigint() - sinceNs) / 1e6;
