import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../support/random.js';
import { check, type Verdict } from './checker/check.js';
import { type FaultKind, recoveryMs, type Scene } from './faults/fault.js';
import { ofConnections } from './faults/of-connections.js';
import { ofWorkers } from './faults/of-workers.js';
import { Load } from './load/load.js';
import { hugeLine, hungKinds, turnKinds } from './load/turn-kinds.js';
import type { Recorder } from './recorder.js';
import { Stage } from './stage/stage.js';

const faultKinds: readonly FaultKind[] = [...ofWorkers, ...ofConnections];

const families = [
  'an agent is killed',
  'a turn is interrupted',
  'a worker is killed',
  'replies are lost',
  'a worker is frozen beyond its lease',
  'published events are lost',
  'connections are cut',
  'a worker is drained',
  'a guard is killed',
  'Redis is killed',
  'an event loop stands still for a moment',
];
/** One of each family, in the order in which they are tried. */
export const oneOfEach: readonly FaultKind[] = families.flatMap((name) =>
  faultKinds.filter((kind) => kind.name === name),
);

export interface RunSettings {
  seed: number;
  folder: string;
  recorder: Recorder;
  workers: number;
  places: number;
  sessions: number;
  leaseTtlMs: number;
  /** Turns may hang until a watchdog ends them, and print lines beyond all bounds. */
  withHung: boolean;
  /** Faults drawn until then, ms; or these, in this order. */
  faults: { forMs: number } | readonly FaultKind[];
  onWorkerLine: (line: string) => void;
  /** No faults any more; the run comes to its end. */
  signal: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface Progress {
  faults: number;
  turns: number;
  waiting: number;
  workers: number;
}

/** Faults of one run that go on at once, at most. */
const hands = 2;
/** What the last turns may take once nothing goes wrong any more, ms. */
const restMs = 60_000;

/** One run: load, faults, rest; then the checker decides. */
export async function run(settings: RunSettings): Promise<Verdict> {
  const random = new Random(settings.seed);
  const { recorder, leaseTtlMs, sessions } = settings;
  recorder.note({ kind: 'settings', leaseTtlMs, sweepMs: 1_000, resumeMs: 4_000, clockMs: 60 });
  const sessionIds = Array.from({ length: sessions }, (_, at) => `session-${at + 1}`);
  const stage = await Stage.open({ ...settings, sessionIds, recoveryMs: recoveryMs(leaseTtlMs) });
  try {
    const kinds = settings.withHung ? [...turnKinds, ...hungKinds.map(rarer), rarer(hugeLine)] : turnKinds;
    const producers = { caller: stage.producer(), reader: stage.producer() };
    const load = new Load({ sessionIds, depth: 3, thinkMs: 1_500, kinds }, producers, recorder, random.fork());
    load.start();
    await stage.start();
    const scene: Scene = { stage, load, recorder, random: random.fork(), leaseTtlMs, disposable: sessionIds.slice(-1) };
    const progress = setInterval(() => settings.onProgress?.(progressOf(scene)), 1_000);
    try {
      await goWrong(scene, settings.faults, settings.signal);
      stage.heal();
      await load.settle(restMs);
      await readToTheEnd(stage, load);
    } finally {
      clearInterval(progress);
    }
    await load.leave();
    await writeFinals(stage, recorder);
  } finally {
    await stage.close();
    for (const { text, pid, at } of await stage.effects()) recorder.note({ kind: 'effect', at, text, pid });
    await recorder.close();
  }
  return check(recorder.records);
}

const rarer = (kind: (typeof turnKinds)[number]) => ({ ...kind, weight: 0.3 });

async function goWrong(scene: Scene, faults: RunSettings['faults'], signal: AbortSignal): Promise<void> {
  if (!('forMs' in faults)) {
    for (const fault of faults) {
      if (signal.aborted) return;
      await pause(scene.random.between(200, 600));
      await fault.run(scene);
    }
    return;
  }
  const until = performance.now() + faults.forMs;
  const hand = async (random: Random): Promise<void> => {
    while (performance.now() < until && !signal.aborted) {
      await pause(random.between(300, 4_000));
      const fault = random.weighted(faultKinds);
      await fault.run({ ...scene, random }).catch((cause: unknown) => {
        throw new Error(`the fault could not be played: ${fault.name}`, { cause });
      });
    }
  };
  await Promise.all(Array.from({ length: hands }, () => hand(scene.random.fork())));
}

function progressOf({ recorder, load, stage }: Scene): Progress {
  const count = (kind: string): number => recorder.records.filter((record) => record.kind === kind).length;
  return { faults: count('fault'), turns: count('accepted'), waiting: load.waiting, workers: stage.up.length };
}

/** Readers that are behind get so long to catch up, ms. */
const readMs = 15_000;

async function readToTheEnd(stage: Stage, load: Load): Promise<void> {
  for (const startedAt = performance.now(); performance.now() - startedAt < readMs; await pause(100)) {
    const ends = await stage.store((store) =>
      Promise.all(
        stage.settings.sessionIds.map(async (sessionId) => [sessionId, await store.session(sessionId)] as const),
      ),
    );
    const lastOf = new Map(ends.map(([sessionId, session]) => [sessionId, session?.lastEvent ?? 0]));
    const isThere = ({ sessionId, place }: { sessionId: string; place: string | undefined }): boolean =>
      Number(place?.split('.')[1] ?? 0) >= (lastOf.get(sessionId) ?? 0);
    if (load.places.every(isThere)) return;
  }
}

async function writeFinals(stage: Stage, recorder: Recorder): Promise<void> {
  await stage.store(async (store) => {
    for (const sessionId of stage.settings.sessionIds) {
      const session = await store.session(sessionId);
      const incarnation = await store.incarnation(sessionId);
      if (session === undefined || incarnation === undefined) continue;
      const turns = (await store.turns(sessionId, 100_000)).map(({ turnId, seq, state }) => ({
        turnId,
        seq,
        status: state,
      }));
      recorder.note({ kind: 'final', sessionId, incarnation, lastEvent: session.lastEvent, turns });
    }
  });
}
