import { setTimeout as pause } from 'node:timers/promises';
import type { Load } from './load/load.js';
import type { Recorder } from './recorder.js';
import type { Stage } from './stage/stage.js';

/** Lets readers get to the end, and writes down what Redis has then. */
export async function finish(stage: Stage, load: Load, recorder: Recorder): Promise<void> {
  await readToTheEnd(stage, load);
  await load.leave();
  await writeFinals(stage, recorder);
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
