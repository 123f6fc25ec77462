import {
  type Doorbell,
  doorbellSchema,
  HearthError,
  type LeaseStore,
  type Logger,
  newRingId,
  parseInput,
  type Ring,
  type Ringer,
  type SessionStore,
  SessionWriter,
  type TurnResult,
} from '@hearth/shared';
import type { Fleet } from '../fleet.js';
import type { Slots } from '../pool/slots.js';
import type { SparePool } from '../pool/spare-pool.js';
import { refuseSession } from '../session/refuse.js';
import type { Sessions } from '../session/sessions.js';
import type { Settled } from '../session/waiting-doorbells.js';

/** What becomes of the doorbell's job. */
export type Outcome =
  | { kind: 'committed'; result: TurnResult | undefined }
  /** Its turn is served elsewhere, or does not exist any more. */
  | { kind: 'done_elsewhere'; why: string }
  /** Not for us now: put it back after so many ms. */
  | { kind: 'later'; delayMs: number }
  /** All slots are taken: put it back where it stood, for whoever has one first. */
  | { kind: 'back' };

/** A doorbell that nobody can serve now is looked at again after so many ms. */
const againMs = { otherProfile: 200, unhealthy: 250 };
/** Doorbells with a profile nobody has are remembered, at most so many. */
const lackedAtMost = 10_000;

export interface AdmissionDeps {
  workerId: string;
  workerNumber: number;
  store: SessionStore;
  leases: LeaseStore;
  ringer: Ringer;
  fleet: Fleet;
  slots: Slots;
  pools: ReadonlyMap<string, SparePool>;
  sessions: Sessions;
  /** ms a turn waits for a worker that has its profile. */
  profileDeadlineMs: number;
  log: Logger;
}

/**
 * Decides what becomes of a doorbell: ours already, claimed now, somebody else's, not now, or refused.
 * Owns the order in which doorbells of one session are admitted, and since when it has seen those whose profile nobody has.
 */
export class Admission {
  private readonly admitting = new Map<string, Promise<unknown>>();
  /** Job id → performance.now(), ms. */
  private readonly lackedSince = new Map<string, number>();

  constructor(private readonly deps: AdmissionDeps) {}

  /** @throws HearthError `invalid_job` when the data is no doorbell */
  async receive(data: unknown, ring: Ring): Promise<Outcome> {
    const doorbell = parseInput(doorbellSchema, data, 'invalid_job', 'data');
    const { sessionId } = doorbell;
    for (;;) {
      const actor = this.deps.sessions.find(sessionId);
      if (actor !== undefined) return this.settled(await actor.ring(doorbell.seq), doorbell, ring);
      // Two doorbells of one session must not claim at the same time: the second finds what the first made.
      const before = this.admitting.get(sessionId);
      if (before !== undefined) {
        await before.catch(() => undefined);
        continue;
      }
      const admission = this.admit(doorbell, ring);
      this.admitting.set(sessionId, admission);
      try {
        const outcome = await admission;
        if (outcome !== 'ours') return outcome;
      } finally {
        this.admitting.delete(sessionId);
      }
    }
  }

  /** A session whose lock names us, though nobody here serves it: a write of it has failed. Nobody else could take it while we live. */
  async letGo(sessionId: string): Promise<void> {
    if (this.deps.sessions.find(sessionId) !== undefined || this.admitting.has(sessionId)) return;
    const giving = this.giveBack(sessionId);
    this.admitting.set(sessionId, giving);
    await giving.finally(() => this.admitting.delete(sessionId));
  }

  private async giveBack(sessionId: string): Promise<void> {
    const { store, workerId, workerNumber, log } = this.deps;
    const outcome = await store.claim(sessionId, 0, { workerId, workerNumber });
    if (outcome.kind !== 'mine') return;
    const released = await new SessionWriter(store, sessionId, outcome.claim).release('drain');
    if (released.kind !== 'ok') return;
    log.info({ sessionId, turnsLeft: released.left.length }, 'session handed over');
    for (const { seq, ring } of released.left)
      await this.deps.sessions.ringToIntake(sessionId, outcome.claim.profile, seq, ring);
  }

  /** A doorbell of our own queue that we cannot serve: the lock may still name us, and then nobody else could either. */
  private async leaveToOthers(doorbell: Doorbell, ring: Ring): Promise<Outcome> {
    await this.giveBack(doorbell.sessionId);
    return this.ringAgain(doorbell, ring, 'intake');
  }

  private async admit(doorbell: Doorbell, ring: Ring): Promise<Outcome | 'ours'> {
    const { fleet, pools, slots } = this.deps;
    const { profile } = doorbell;
    const pool = pools.get(profile);
    if (pool === undefined) {
      const known = await fleet.othersHave(profile, 'any');
      const isOverdue = !known && this.lackedForMs(ring) >= this.deps.profileDeadlineMs;
      if (known || isOverdue) this.lackedSince.delete(ring.jobId);
      if (isOverdue) return this.refuse(doorbell, ring, profileUnknown(profile));
      if (known && ring.queue !== 'intake') return this.leaveToOthers(doorbell, ring);
      return { kind: 'later', delayMs: againMs.otherProfile };
    }
    const { failure } = pool;
    if (failure !== undefined) {
      pool.fill();
      if (await fleet.othersHave(profile, 'healthy')) {
        if (ring.queue === 'intake') return { kind: 'later', delayMs: againMs.unhealthy };
        return this.leaveToOthers(doorbell, ring);
      }
      // When the next try is due, this turn is it.
      if (pool.isBackingOff) return this.refuse(doorbell, ring, failure);
    }
    const slot = await slots.admit(profile);
    if (slot === undefined) return ring.queue === 'intake' ? { kind: 'back' } : this.leaveToOthers(doorbell, ring);
    let isOpen = false;
    try {
      const claimed = await this.claim(doorbell, ring);
      if ('outcome' in claimed) return claimed.outcome;
      this.deps.sessions.open(doorbell.sessionId, claimed.claim, slot);
      isOpen = true;
      return 'ours';
    } finally {
      if (!isOpen) slots.leave(slot);
    }
  }

  /** How long a doorbell has been seen whose profile nobody has. */
  private lackedForMs({ jobId }: Ring): number {
    const now = performance.now();
    const since = this.lackedSince.get(jobId);
    if (since !== undefined) return now - since;
    const [oldest] = this.lackedSince.size < lackedAtMost ? [] : this.lackedSince.keys();
    if (oldest !== undefined) this.lackedSince.delete(oldest);
    this.lackedSince.set(jobId, now);
    return 0;
  }

  private async claim(doorbell: Doorbell, ring: Ring) {
    const { store, leases, workerId, workerNumber } = this.deps;
    let deadFence = '';
    for (;;) {
      const outcome = await store.claim(doorbell.sessionId, doorbell.seq, { workerId, workerNumber }, deadFence);
      switch (outcome.kind) {
        case 'mine': {
          const { profile } = outcome.claim;
          if (profile === doorbell.profile) return { claim: outcome.claim };
          // It was rung before the session was opened again, under another: whatever was decided for it was for the wrong one.
          return { outcome: await this.leaveToOthers({ ...doorbell, profile }, ring) };
        }
        case 'committed':
          return { outcome: { kind: 'committed', result: outcome.result } as const };
        case 'gone':
          return { outcome: { kind: 'done_elsewhere', why: 'the turn is gone' } as const };
        case 'other':
          // The lease is in another slot than the session; once absent it is absent for ever, so it may be read before the swap.
          if (await leases.lives(outcome.owner))
            return { outcome: await this.ringAgain(doorbell, ring, outcome.workerNumber) };
          deadFence = outcome.fence;
      }
    }
  }

  /** Rings the turn where it belongs, unless somebody has done so since this doorbell was rung. */
  private async ringAgain(doorbell: Doorbell, ring: Ring, queue: number | 'intake'): Promise<Outcome> {
    const next = { queue, jobId: newRingId() };
    if (doorbell.seq === 0) {
      // Without a turn there is no ring to compare.
      await this.deps.ringer.ring(next, doorbell);
      return { kind: 'done_elsewhere', why: `rung at ${placeOf(queue)}` };
    }
    const turn = await this.deps.store.ring(doorbell.sessionId, doorbell.seq, ring, next);
    if (turn !== undefined) await this.deps.ringer.ring(next, doorbell, turn.request.priority);
    return { kind: 'done_elsewhere', why: `rung at ${placeOf(queue)}` };
  }

  private async settled(settled: Settled, doorbell: Doorbell, ring: Ring): Promise<Outcome> {
    if (settled.kind === 'committed') return settled;
    // Turns are rung from the log by whoever let the session go; this one is in no log.
    if (doorbell.seq === 0) return this.ringAgain(doorbell, ring, 'intake');
    return { kind: 'done_elsewhere', why: 'the session moved to another worker' };
  }

  private async refuse(doorbell: Doorbell, ring: Ring, error: HearthError): Promise<Outcome> {
    const claimed = await this.claim(doorbell, ring);
    if ('outcome' in claimed) return claimed.outcome;
    const { store, workerId, log } = this.deps;
    const result = await refuseSession(
      { store, workerId, log },
      doorbell.sessionId,
      claimed.claim,
      doorbell.seq,
      error,
    );
    return { kind: 'committed', result };
  }
}

const placeOf = (queue: number | 'intake'): string => (queue === 'intake' ? 'intake' : `worker ${queue}`);

function profileUnknown(profile: string): HearthError {
  return new HearthError('profile_unknown', `No live worker has the profile ${profile}.`, {
    field: 'profile',
    expected: 'a profile that a live worker was started with (`hearth workers` lists them)',
    wayOut: 'Correct the name, or start a worker whose profile file has it.',
  });
}
