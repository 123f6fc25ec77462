import { type Doorbell, doorbellSchema, HearthError, type TurnResult } from '@hearth/shared';
import {
  type Claim,
  type LeaseStore,
  type Logger,
  newRingId,
  parseInput,
  type Ring,
  type Ringer,
  type SessionStore,
} from '@hearth/shared/internal';
import type { Fleet } from '../fleet.js';
import type { Slots } from '../pool/slots.js';
import type { SparePool } from '../pool/spare-pool.js';
import { type DoorbellOutcome, warmSeq } from '../session/doorbell-waiters.js';
import type { HandOver } from '../session/hand-over.js';
import { refuseSession } from '../session/refuse-session.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { Sessions } from '../session/sessions.js';
import { MissingProfiles } from './missing-profiles.js';

/** What happens to the job of a doorbell. */
export type JobOutcome =
  | { kind: 'committed'; result: TurnResult | undefined }
  /** Another worker serves the turn, or the turn does not exist any more. `rung`: the queue in which this worker, or the hand-over, rang it. */
  | { kind: 'done_elsewhere'; why: string; rung?: Ring['queue'] }
  /** Not now: goes back to its queue after so many ms. */
  | { kind: 'later'; delayMs: number }
  /** All slots are taken: goes back to where it was in its queue, for the first worker with a free slot. */
  | { kind: 'back' };

type Refused = { outcome: JobOutcome };

/** A doorbell that no worker can serve now is looked at again after so many ms. */
const againMs = { otherProfile: 200, unhealthy: 250 };

export interface AdmissionDeps {
  workerId: string;
  workerNumber: number;
  store: SessionStore;
  leases: LeaseStore;
  ringer: Ringer;
  fleet: Fleet;
  slots: Slots;
  pools: ReadonlyMap<string, SparePool>;
  registry: SessionRegistry;
  sessions: Sessions;
  handOver: HandOver;
  /** How long a turn waits for a worker that has its profile, ms. */
  profileDeadlineMs: number;
  log: Logger;
}

/** Decides what happens to a doorbell: owned already, claimed now, served by another worker, later, or refused. */
export class Admission {
  private readonly missing = new MissingProfiles();

  constructor(private readonly deps: AdmissionDeps) {}

  /** @throws HearthError `invalid_job` when the data is not a doorbell */
  async receive(data: unknown, ring: Ring): Promise<JobOutcome> {
    const { registry } = this.deps;
    const doorbell = parseInput(doorbellSchema, data, 'invalid_job', 'data');
    const { sessionId, seq } = doorbell;
    for (;;) {
      const session = registry.find(sessionId);
      if (session !== undefined) return this.settled(await session.ring(seq), doorbell, ring);
      // Two doorbells of one session must not claim at the same time. The second finds the session that the first opened.
      const outcome = await registry.exclusively(sessionId, async () =>
        registry.find(sessionId) === undefined ? this.admit(doorbell, ring) : 'owned',
      );
      if (outcome !== 'owned') return outcome;
    }
  }

  private async admit(doorbell: Doorbell, ring: Ring): Promise<JobOutcome | 'owned'> {
    const pool = this.deps.pools.get(doorbell.profile);
    const refused =
      pool === undefined ? await this.withoutProfile(doorbell, ring) : await this.unhealthy(pool, doorbell, ring);
    return refused ?? this.open(doorbell, ring);
  }

  /** This worker lacks the profile. */
  private async withoutProfile(doorbell: Doorbell, ring: Ring): Promise<JobOutcome> {
    const { profile } = doorbell;
    const isKnown = await this.deps.fleet.othersHave(profile, 'any');
    const isOverdue = !isKnown && this.missing.sinceMs(ring.jobId) >= this.deps.profileDeadlineMs;
    if (isKnown || isOverdue) this.missing.forget(ring.jobId);
    if (isOverdue) return this.refuse(doorbell, ring, profileUnknown(profile));
    if (isKnown && ring.queue !== 'intake') return this.leaveToOthers(doorbell, ring);
    return { kind: 'later', delayMs: againMs.otherProfile };
  }

  /** Undefined: agents of the profile start, or the next try is due and this turn is it. */
  private async unhealthy(pool: SparePool, doorbell: Doorbell, ring: Ring): Promise<JobOutcome | undefined> {
    const { failure } = pool;
    if (failure === undefined) return undefined;
    pool.fill();
    if (await this.deps.fleet.othersHave(doorbell.profile, 'healthy')) {
      if (ring.queue === 'intake') return { kind: 'later', delayMs: againMs.unhealthy };
      return this.leaveToOthers(doorbell, ring);
    }
    return pool.isBackingOff ? this.refuse(doorbell, ring, failure) : undefined;
  }

  private async open(doorbell: Doorbell, ring: Ring): Promise<JobOutcome | 'owned'> {
    const { slots, sessions } = this.deps;
    const slot = await slots.acquire(doorbell.profile);
    if (slot === undefined) return ring.queue === 'intake' ? { kind: 'back' } : this.leaveToOthers(doorbell, ring);
    let isOpen = false;
    try {
      const claimed = await this.claim(doorbell, ring);
      if ('outcome' in claimed) return claimed.outcome;
      sessions.open(doorbell.sessionId, claimed.claim, slot);
      isOpen = true;
      return 'owned';
    } finally {
      if (!isOpen) slots.release(slot);
    }
  }

  private async claim(doorbell: Doorbell, ring: Ring): Promise<{ claim: Claim } | Refused> {
    const { store, leases, workerId, workerNumber } = this.deps;
    let deadFence = '';
    for (;;) {
      const outcome = await store.claim(doorbell.sessionId, doorbell.seq, { workerId, workerNumber }, deadFence);
      switch (outcome.kind) {
        case 'mine': {
          const { profile } = outcome.claim;
          if (profile === doorbell.profile) return { claim: outcome.claim };
          // The doorbell is older than the session, which was opened again under another profile. The decisions so far were for the wrong one.
          return { outcome: await this.leaveToOthers({ ...doorbell, profile }, ring) };
        }
        case 'committed':
          return { outcome: { kind: 'committed', result: outcome.result } };
        case 'gone':
          return { outcome: { kind: 'done_elsewhere', why: 'the turn is gone' } };
        case 'other':
          // The lease is in another slot of a cluster than the session. A lease that is absent once stays absent, so it may be read before the swap.
          if (await leases.lives(outcome.owner))
            return { outcome: await this.ringAgain(doorbell, ring, outcome.workerNumber) };
          deadFence = outcome.fence;
      }
    }
  }

  /** Leaves a doorbell to other workers. The lock may still name this worker, and then no other worker could claim the session. */
  private async leaveToOthers(doorbell: Doorbell, ring: Ring): Promise<JobOutcome> {
    await this.deps.handOver.releaseLockWithinClaim(doorbell.sessionId);
    return this.ringAgain(doorbell, ring, 'intake');
  }

  /** Rings the turn in the queue where it belongs, unless it was rung again since this doorbell. */
  private async ringAgain(doorbell: Doorbell, ring: Ring, queue: Ring['queue']): Promise<JobOutcome> {
    const { handOver, ringer } = this.deps;
    const { sessionId, seq } = doorbell;
    // A doorbell without a turn is in no log, so there is no ring to compare.
    if (seq === warmSeq) await ringer.ring({ queue, jobId: newRingId() }, doorbell);
    else await handOver.ringAgain(sessionId, seq, ring, queue);
    return {
      kind: 'done_elsewhere',
      why: queue === 'intake' ? 'rung in intake' : `rung for worker ${queue}`,
      rung: queue,
    };
  }

  private async settled(outcome: DoorbellOutcome, doorbell: Doorbell, ring: Ring): Promise<JobOutcome> {
    if (outcome.kind === 'committed') return outcome;
    // Turns of a session that moved are rung from its log. A doorbell without a turn is in no log.
    if (doorbell.seq === warmSeq) return this.ringAgain(doorbell, ring, 'intake');
    return { kind: 'done_elsewhere', why: 'the session moved to another worker', rung: 'intake' };
  }

  private async refuse(doorbell: Doorbell, ring: Ring, error: HearthError): Promise<JobOutcome> {
    const claimed = await this.claim(doorbell, ring);
    if ('outcome' in claimed) return claimed.outcome;
    const result = await refuseSession(this.deps, doorbell.sessionId, claimed.claim, doorbell.seq, error);
    return { kind: 'committed', result };
  }
}

function profileUnknown(profile: string): HearthError {
  return new HearthError('profile_unknown', `No live worker has the profile ${profile}.`, {
    field: 'profile',
    expected: 'a profile that a live worker was started with (`hearth workers` lists them)',
    wayOut: 'Correct the name, or start a worker whose profile file has it.',
  });
}
