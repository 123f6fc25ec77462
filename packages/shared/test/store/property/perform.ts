import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { HearthError } from '../../../src/index.js';
import type { Client, World } from './world.js';

export interface Performed<T> {
  outcome: T | HearthError;
  /** Whether any byte under the prefix is another than before. */
  changed: boolean;
  /** Whether the reply was lost, so that the call was made twice. */
  resent: boolean;
}

interface How {
  client: Client;
  script: string;
  /** Lose the reply. */
  drop: boolean;
  /** False for what is made to move the clock on every time: a renewal. */
  repeatIsNothing?: boolean;
}

/** Makes a call, and then makes it again word by word, which must change nothing (P12). */
export async function perform<T>(world: World, how: How, call: () => Promise<T>): Promise<Performed<T>> {
  const { client, script, drop, repeatIsNothing = true } = how;
  const before = await world.dump();
  const droppedBefore = world.proxy.dropped;
  client.last = undefined;
  if (drop) world.proxy.dropNextReply();
  const outcome = await call().catch((error: unknown) => {
    if (error instanceof HearthError) return error;
    throw error;
  });
  world.proxy.disarm();
  const after = await world.dump();
  if (client.last !== undefined && repeatIsNothing) {
    await world.repeat(client.last);
    assert.deepEqual(await world.dump(), after, `${script} changed something when it was repeated`);
    // A sweep that comes late is a sweep: it looks at what fell due since.
    if (script !== 'sweep') world.history.push({ script, call: client.last });
  }
  return { outcome, changed: !isDeepStrictEqual(before, after), resent: world.proxy.dropped > droppedBefore };
}

/** Picks by a random number, so that a shrunk schedule still picks somebody. */
export function pick<T>(from: readonly T[], by: number): T {
  const picked = from[by % from.length];
  if (picked === undefined) throw new Error('There is nothing to pick from');
  return picked;
}
