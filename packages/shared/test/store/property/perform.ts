import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { HearthError } from '../../../src/index.js';
import type { Client, World } from './world.js';

export interface Performed<T> {
  outcome: T | HearthError;
  /** Whether any byte under the prefix changed. */
  changed: boolean;
  /** Whether the reply was lost, so that the client sent the call twice. */
  resent: boolean;
}

interface How {
  client: Client;
  script: string;
  /** Whether the proxy drops the reply. */
  drop: boolean;
  /** Whether a repeated call changes nothing. False for a renewal, which sets a time. */
  isIdempotent?: boolean;
}

/** Makes a call, then sends the same script call again, which must change nothing (P12). */
export async function perform<T>(world: World, how: How, call: () => Promise<T>): Promise<Performed<T>> {
  const { client, script, drop, isIdempotent = true } = how;
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
  if (client.last !== undefined && isIdempotent) {
    await world.repeat(client.last);
    assert.deepEqual(await world.dump(), after, `${script} changed something when it was repeated`);
    // A late sweep is a new sweep, because it finds what became overdue since.
    if (script !== 'sweep') world.history.push({ script, call: client.last });
  }
  return { outcome, changed: !isDeepStrictEqual(before, after), resent: world.proxy.dropped > droppedBefore };
}

/** Picks an entry by a random number. A shrunk schedule still picks one. */
export function pick<T>(from: readonly T[], by: number): T {
  const picked = from[by % from.length];
  if (picked === undefined) throw new Error('The list to pick from is empty');
  return picked;
}
