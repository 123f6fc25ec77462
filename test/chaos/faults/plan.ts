import type { Random } from '../../support/random.js';
import type { Fault, FaultKind } from './fault.js';

/** A fault, and how long its hand waits before it, ms. */
interface Act {
  afterMs: number;
  fault: Fault;
}

/** A time in which hands play faults beside each other, and then single ones with quiet before and after. */
export interface Round {
  stormMs: number;
  hands: readonly Iterator<Act, never>[];
  alone: readonly Fault[];
}

/** Hands of a storm: faults of one run that go on at once, at most. */
const handsOfStorm = 2;
const leastStormMs = 15_000;
const mostStormMs = 30_000;
/** Faults between two storms. */
const aloneEach = 2;

/**
 * What goes wrong in a run, round after round: the seed decides alone. Every hand and every fault draws from a source of its own, so
 * that how far one of them gets shifts nothing of the others.
 */
export function* planOf(
  random: Random,
  kinds: readonly FaultKind[],
  deadly: readonly FaultKind[],
): Generator<Round, never> {
  for (;;) {
    const own = random.fork();
    yield {
      stormMs: own.between(leastStormMs, mostStormMs),
      hands: Array.from({ length: handsOfStorm }, () => hand(own.fork(), kinds)),
      alone: Array.from({ length: aloneEach }, () => own.pick(deadly).draw(own.fork())),
    };
  }
}

function* hand(random: Random, kinds: readonly FaultKind[]): Generator<Act, never> {
  for (;;) yield { afterMs: random.between(300, 4_000), fault: random.weighted(kinds).draw(random.fork()) };
}
