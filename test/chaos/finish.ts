import { setTimeout as pause } from 'node:timers/promises';
import type { SessionStore } from '@hearth/shared/internal';
import { placeOf } from './checker/lines.js';
import type { Load } from './load/load.js';
import type { Recorder } from './recorder.js';
import type { Stage } from './stage/stage.js';

/** Lets readers complete, and records the final content of Redis. */
export async function finish(stage: Stage, load: Load, recorder: Recorder): Promise<void> {
  await readToTheEnd(stage, load);
  await load.leave();
  await writeFinals(stage, recorder);
}

/** The time that incomplete readers get, in ms. */
const readMs = 15_000;

async function readToTheEnd(stage: Stage, load: Load): Promise<void> {
  for (const startedAt = performance.now(); performance.now() - startedAt < readMs; await pause(100)) {
    const ends = await stage.store(async (store) => {
      const { sessionIds } = stage.settings;
      return Promise.all(sessionIds.map(async (sessionId) => [sessionId, await endOf(store, sessionId)] as const));
    });
    const lastOf = new Map(ends);
    const isThere = ({ sessionId, place }: { sessionId: string; place: string | undefined }): boolean =>
      isAtEnd(place, lastOf.get(sessionId));
    if (load.places.every(isThere)) return;
  }
}

/** The last event id of a session's stream; undefined: there is no stream. */
async function endOf(store: SessionStore, sessionId: string): Promise<string | undefined> {
  const [session, incarnation] = await Promise.all([store.session(sessionId), store.incarnation(sessionId)]);
  return incarnation === undefined ? undefined : `${incarnation}.${session?.lastEvent ?? 0}`;
}

/** Whether a reader has the last event. Events of an earlier incarnation do not count, however many there are. */
export function isAtEnd(place: string | undefined, end: string | undefined): boolean {
  if (end === undefined) return true;
  const [of, last] = [placeOf(place ?? ''), placeOf(end)];
  return last.number === 0 || (of.incarnation === last.incarnation && of.number >= last.number);
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
