import {
  type Doorbell,
  doorbellSchema,
  HearthError,
  type LeaseStore,
  type Logger,
  newRingId,
  parseInput,
  type Ringer,
  type SessionStore,
  SessionWriter,
  type TurnResult,
} from '@hearth/shared';
import type { Fleet } from '../fleet.js';
import type { Places } from '../pool/places.js';
import type { SparePool } from '../pool/spare-pool.js';
import { refuseSession } from '../session/refuse.js';
import type { Sessions } from '../session/sessions.js';
import type { Settled } from '../session/waiting-doorbells.js';

/** Where a doorbell came from, and under which id. */
export interface Rung {
  seat: number | 'intake';
  jobId: string;
}

/** What becomes of the doorbell's job. */
export type Outcome =
  | { kind: 'committed'; result: TurnResult | undefined }
  /** Its turn is served elsewhere, or does not exist any more. */
  | { kind: 'done_elsewhere'; why: string }
  /** Not for us now: put it back after so many ms. */
  | { kind: 'later'; delayMs: number }
  /** All places are taken: put it back where it stood, for whoever has one first. */
  | { kind: 'back' };

/** A doorbell that nobody can serve now is looked at again after so many ms. */
const againMs = { otherProfile: 200, unhealthy: 250 };
/** Doorbells with a profile nobody has are remembered, at most so many. */
const lackedAtMost = 10_000;

export interface ReceptionDeps {
  workerId: string;
  seat: number;
  store: SessionStore;
  leases: LeaseStore;
  ringer: Ringer;
  fleet: Fleet;
  places: Places;
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
export class Reception {
  private readonly admitting = new Map<string, Promise<unknown>>();
  /** Job id → performance.now(), ms. */
  private readonly lackedSince = new Map<string, number>();

  constructor(private readonly deps: ReceptionDeps) {}

  /** @throws HearthError `invalid_job` when the data is no doorbell */
  async receive(data: unknown, rung: Rung): Promise<Outcome> {
    const doorbell = parseInput(doorbellSchema, data, 'invalid_job', 'data');
    const { sessionId } = doorbell;
    for (;;) {
      const actor = this.deps.sessions.find(sessionId);
      if (actor !== undefined) return this.settled(await actor.ring(doorbell.seq), doorbell, rung);
      // Two doorbells of one session must not claim at the same time: the second finds what the first made.
      const before = this.admitting.get(sessionId);
      if (before !== undefined) {
        await before.catch(() => undefined);
        continue;
      }
      const admission = this.admit(doorbell, rung);
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
    const { store, workerId, seat, log } = this.deps;
    const outcome = await store.claim(sessionId, 0, { workerId, seat });
    if (outcome.kind !== 'mine') return;
    const released = await new SessionWriter(store, sessionId, outcome.claim).release('drain');
    if (released.kind !== 'ok') return;
    log.info({ sessionId, turnsLeft: released.left.length }, 'session handed over');
    for (const { seq, ring } of released.left)
      await this.deps.sessions.ringToIntake(sessionId, outcome.claim.profile, seq, ring);
  }

  /** A doorbell of our own queue that we cannot serve: the lock may still name us, and then nobody else could either. */
  private async leaveToOthers(doorbell: Doorbell, rung: Rung): Promise<Outcome> {
    await this.giveBack(doorbell.sessionId);
    return this.ringAgain(doorbell, rung, 'intake');
  }

  private async admit(doorbell: Doorbell, rung: Rung): Promise<Outcome | 'ours'> {
    const { fleet, pools, places } = this.deps;
    const { profile } = doorbell;
    const pool = pools.get(profile);
    if (pool === undefined) {
      const known = await fleet.othersHave(profile, 'any');
      const isOverdue = !known && this.lackedForMs(rung) >= this.deps.profileDeadlineMs;
      if (known || isOverdue) this.lackedSince.delete(rung.jobId);
      if (isOverdue) return this.refuse(doorbell, rung, profileUnknown(profile));
      if (known && rung.seat !== 'intake') return this.leaveToOthers(doorbell, rung);
      return { kind: 'later', delayMs: againMs.otherProfile };
    }
    const { failure } = pool;
    if (failure !== undefined) {
      pool.fill();
      if (await fleet.othersHave(profile, 'healthy')) {
        if (rung.seat === 'intake') return { kind: 'later', delayMs: againMs.unhealthy };
        return this.leaveToOthers(doorbell, rung);
      }
      // When the next try is due, this turn is it.
      if (pool.isBackingOff) return this.refuse(doorbell, rung, failure);
    }
    const place = await places.admit(profile);
    if (place === undefined) return rung.seat === 'intake' ? { kind: 'back' } : this.leaveToOthers(doorbell, rung);
    let isOpen = false;
    try {
      const claimed = await this.claim(doorbell, rung);
      if ('outcome' in claimed) return claimed.outcome;
      this.deps.sessions.open(doorbell.sessionId, claimed.claim, place);
      isOpen = true;
      return 'ours';
    } finally {
      if (!isOpen) places.leave(place);
    }
  }

  /** How long a doorbell has been seen whose profile nobody has. */
  private lackedForMs({ jobId }: Rung): number {
    const now = performance.now();
    const since = this.lackedSince.get(jobId);
    if (since !== undefined) return now - since;
    const [oldest] = this.lackedSince.size < lackedAtMost ? [] : this.lackedSince.keys();
    if (oldest !== undefined) this.lackedSince.delete(oldest);
    this.lackedSince.set(jobId, now);
    return 0;
  }

  private async claim(doorbell: Doorbell, rung: Rung) {
    const { store, leases, workerId, seat } = this.deps;
    let deadFence = '';
    for (;;) {
      const outcome = await store.claim(doorbell.sessionId, doorbell.seq, { workerId, seat }, deadFence);
      switch (outcome.kind) {
        case 'mine': {
          const { profile } = outcome.claim;
          if (profile === doorbell.profile) return { claim: outcome.claim };
          // It was rung before the session was opened again, under another: whatever was decided for it was for the wrong one.
          return { outcome: await this.leaveToOthers({ ...doorbell, profile }, rung) };
        }
        case 'committed':
          return { outcome: { kind: 'committed', result: outcome.result } as const };
        case 'gone':
          return { outcome: { kind: 'done_elsewhere', why: 'the turn is gone' } as const };
        case 'other':
          // The lease is in another slot than the session; once absent it is absent for ever, so it may be read before the swap.
          if (await leases.lives(outcome.owner)) return { outcome: await this.ringAgain(doorbell, rung, outcome.seat) };
          deadFence = outcome.fence;
      }
    }
  }

  /** Rings the turn where it belongs, unless somebody has done so since this doorbell was rung. */
  private async ringAgain(doorbell: Doorbell, rung: Rung, seat: number | 'intake'): Promise<Outcome> {
    const next = { seat, jobId: newRingId() };
    if (doorbell.seq === 0) {
      // Without a turn there is no ring to compare.
      await this.deps.ringer.ring(next, doorbell);
      return { kind: 'done_elsewhere', why: `rung at ${placeOf(seat)}` };
    }
    const turn = await this.deps.store.ring(
      doorbell.sessionId,
      doorbell.seq,
      { seat: rung.seat, jobId: rung.jobId },
      next,
    );
    if (turn !== undefined) await this.deps.ringer.ring(next, doorbell, turn.request.priority);
    return { kind: 'done_elsewhere', why: `rung at ${placeOf(seat)}` };
  }

  private async settled(settled: Settled, doorbell: Doorbell, rung: Rung): Promise<Outcome> {
    if (settled.kind === 'committed') return settled;
    // Turns are rung from the log by whoever let the session go; this one is in no log.
    if (doorbell.seq === 0) return this.ringAgain(doorbell, rung, 'intake');
    return { kind: 'done_elsewhere', why: 'the session moved to another worker' };
  }

  private async refuse(doorbell: Doorbell, rung: Rung, error: HearthError): Promise<Outcome> {
    const claimed = await this.claim(doorbell, rung);
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

const placeOf = (seat: number | 'intake'): string => (seat === 'intake' ? 'intake' : `seat ${seat}`);

function profileUnknown(profile: string): HearthError {
  return new HearthError('profile_unknown', `No live worker has the profile ${profile}.`, {
    field: 'profile',
    expected: 'a profile that a live worker was started with (`hearth workers` lists them)',
    wayOut: 'Correct the name, or start a worker whose profile file has it.',
  });
}
