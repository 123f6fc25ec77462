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

type State =
  | { kind: 'idle' }
  | { kind: 'held'; renewals: NodeJS.Timeout; deadline: NodeJS.Timeout; confirmedNs: bigint }
  | { kind: 'giving_back'; deadline: NodeJS.Timeout }
  | { kind: 'over' };

/**
 * Takes the worker lease and keeps it. Owns the timers of renewal and of the lease's end.
 *
 * L1 A renewal counts from when it was sent, never from when it was answered.
 * L2 A renewal never recreates the lease: absent once is lost for ever.
 * L3 Without a confirmed renewal for TTL − margin it is treated as lost, at that moment and whatever Redis would say: then the watchdog ends
 *    the agents, and nothing may be decided any more from how they are.
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

  /** Takes a lease and a worker number. @throws HearthError `lease_lost` when this incarnation had one before */
  async start(): Promise<{ workerNumber: number }> {
    const sentNs = process.hrtime.bigint();
    const acquired = await this.leases.acquire(this.record(), this.times.ttlMs);
    if (acquired.kind === 'dead')
      throw new HearthError('lease_lost', 'This worker had a lease and lost it.', { wayOut: 'Start a new worker.' });
    const renewals = setInterval(() => void this.tick(), this.times.ttlMs / renewalsPerTtl);
    this.state = { kind: 'held', renewals, deadline: this.deadline(sentNs), confirmedNs: sentNs };
    this.emit('confirmed', sentNs);
    return acquired;
  }

  /** Writes the worker record now, between two renewals; used when its state changes. */
  refresh(): void {
    this.refreshAsked = this.renewing;
    void this.tick();
  }

  /** Gives lease and worker number back; `lost` is told when it is not answered before the lease ends. */
  async stop(): Promise<void> {
    if (this.state.kind !== 'held') return;
    const { renewals, deadline } = this.state;
    clearInterval(renewals);
    this.state = { kind: 'giving_back', deadline };
    const { workerId, workerNumber } = this.record();
    await this.leases.release(workerId, workerNumber).catch((error: unknown) => {
      this.log.warn({ err: error }, 'the lease could not be given back; it ends by itself');
    });
    this.end();
  }

  private async tick(): Promise<void> {
    if (this.state.kind !== 'held') return;
    if (this.leftMs(this.state.confirmedNs) < 0) return this.loseSilently(this.state.confirmedNs);
    if (this.renewing) return;
    this.renewing = true;
    const sentNs = process.hrtime.bigint();
    try {
      const answer = await this.leases.renew(this.record(), this.times.ttlMs);
      if (answer === 'dead') return this.lose('the lease had expired');
      if (this.state.kind === 'held') {
        clearTimeout(this.state.deadline);
        this.state = { ...this.state, deadline: this.deadline(sentNs), confirmedNs: sentNs };
        this.emit('confirmed', sentNs);
      }
    } catch (error) {
      this.log.warn({ err: error }, 'a renewal of the lease failed');
    } finally {
      this.renewing = false;
    }
    if (this.refreshAsked) this.refresh();
  }

  private deadline(sentNs: bigint): NodeJS.Timeout {
    return setTimeout(() => this.loseSilently(sentNs), this.leftMs(sentNs));
  }

  private leftMs(sentNs: bigint): number {
    return this.times.ttlMs - this.times.marginMs - elapsedMs(sentNs);
  }

  private loseSilently(sentNs: bigint): void {
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
