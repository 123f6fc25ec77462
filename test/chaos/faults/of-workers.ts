import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { deadly } from '../load/turn-kinds.js';
import { type FaultKind, recoveryMs, type Scene, victim } from './fault.js';

const killed: FaultKind = {
  name: 'a worker is killed',
  weight: 4,
  async run(scene) {
    const worker = victim(scene);
    if (worker === undefined) return;
    const { workerId } = worker;
    note(scene, this.name, { workerId, isDeath: true, forMs: recoveryMs(scene.leaseTtlMs) });
    worker.kill();
    await worker.exited;
  },
};

const frozen = (name: string, leases: number, isDeath: boolean): FaultKind => ({
  name,
  weight: 3,
  async run(scene) {
    const worker = victim(scene);
    if (worker === undefined) return;
    const forMs = Math.round(leases * scene.leaseTtlMs);
    const { workerId } = worker;
    note(scene, name, { workerId, isDeath, forMs: isDeath ? recoveryMs(scene.leaseTtlMs) + forMs : forMs + 1_000 });
    worker.freeze();
    await pause(forMs);
    worker.thaw();
  },
});

const drained: FaultKind = {
  name: 'a worker is drained',
  weight: 3,
  async run(scene) {
    const worker = victim(scene);
    if (worker === undefined) return;
    note(scene, this.name, { workerId: worker.workerId, forMs: 8_000 });
    worker.drain();
    await worker.exited;
  },
};

const stalled = (name: string, leases: number): FaultKind => ({
  name,
  weight: 2,
  async run(scene) {
    const worker = victim(scene);
    if (worker === undefined) return;
    const stallMs = Math.round(leases * scene.leaseTtlMs);
    note(scene, name, {
      workerId: worker.workerId,
      forMs: stallMs + (leases > 0.7 ? recoveryMs(scene.leaseTtlMs) : 1_000),
    });
    worker.order({ stallMs });
    await pause(stallMs);
  },
});

const clockJumped: FaultKind = {
  name: 'the clock of a worker jumps',
  weight: 2,
  async run(scene) {
    const worker = victim(scene);
    if (worker === undefined) return;
    const shiftMs = scene.random.between(-3_600_000, 3_600_000);
    note(scene, this.name, { workerId: worker.workerId });
    worker.order({ shiftMs });
    await pause(scene.random.between(500, 3_000));
    worker.order({ shiftMs: 0 });
  },
};

const guardKilled: FaultKind = {
  name: 'a guard is killed',
  weight: 1,
  async run(scene) {
    const worker = victim(scene);
    const guard = worker === undefined ? undefined : childOf(worker.pid, 'guard/main.js');
    if (worker === undefined || guard === undefined) return;
    note(scene, this.name, { workerId: worker.workerId });
    process.kill(guard, 'SIGKILL');
  },
};

const agentKilled: FaultKind = {
  name: 'an agent is killed',
  weight: 5,
  async run(scene) {
    const started = scene.recorder.records.findLast(
      (record) => record.kind === 'event' && record.type === 'turn.started' && scene.random.chance(0.5),
    );
    if (started?.kind !== 'event' || started.pid === undefined || !isAgent(started.pid)) return;
    const { pid, sessionId } = started;
    scene.recorder.note({ kind: 'agent_gone', sessionId, pid });
    note(scene, this.name, { sessionId });
    process.kill(pid, 'SIGKILL');
  },
};

const deadlyTurn: FaultKind = {
  name: 'a turn kills its worker each time',
  weight: 1,
  async run(scene) {
    const { stage, load, random } = scene;
    if (stage.up.length < 2) return;
    // Each of its deaths is written down as one, and is no excuse for others.
    note(scene, this.name);
    await load.ask(random.pick(stage.settings.sessionIds), deadly);
  },
};

/** No fault, but a wish that may meet one; its turn is to end once, and no other. */
const interrupted: FaultKind = {
  name: 'a turn is interrupted',
  weight: 3,
  async run(scene) {
    const { recorder, stage } = scene;
    const turn = recorder.records.findLast((record) => record.kind === 'accepted');
    const producer = stage.producers[0];
    if (turn?.kind !== 'accepted' || producer === undefined) return;
    const { sessionId, turnId } = turn;
    note(scene, this.name, { sessionId });
    // Past the deadline, and without Redis, the wish is kept or was none: the turn's own end tells.
    await producer
      .session(sessionId)
      .interrupt({ turnId, deadlineMs: 5_000 })
      .catch(() => undefined);
  },
};

export const ofWorkers: readonly FaultKind[] = [
  killed,
  frozen('a worker is frozen for a moment', 0.4, false),
  frozen('a worker is frozen beyond its lease', 1.5, true),
  drained,
  stalled('an event loop stands still for a moment', 0.4),
  stalled('an event loop stands still beyond the lease', 1.5),
  clockJumped,
  guardKilled,
  agentKilled,
  deadlyTurn,
  interrupted,
];

export function note(
  { recorder }: Scene,
  what: string,
  { forMs, ...more }: { workerId?: string; sessionId?: string; isDeath?: boolean; forMs?: number } = {},
): void {
  const at = Date.now();
  recorder.note({ kind: 'fault', at, what, ...more, ...(forMs === undefined ? {} : { until: at + forMs }) });
}

/** A child process of another by what stands in its command line. */
function childOf(parent: number, part: string): number | undefined {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .find((pid) => parentOf(pid) === parent && commandOf(pid).includes(part));
}

const isAgent = (pid: number): boolean => commandOf(pid).includes('fake-claude');

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return -1;
  }
}
