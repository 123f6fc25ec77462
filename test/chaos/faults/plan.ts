import type { Random } from '../../support/random.js';
import type { Fault, FaultKind } from './fault.js';

/** A fault, and the pause of its hand before it, in ms. */
interface Act {
  afterMs: number;
  fault: Fault;
}

/** An interval in which several hands play faults at the same time, followed by single faults with quiet before and after. */
export interface Round {
  stormMs: number;
  hands: readonly Iterator<Act, never>[];
  alone: readonly Fault[];
}

/** The maximum number of hands in a storm, that is, of faults at the same time. */
const handsOfStorm = 2;
const leastStormMs = 15_000;
const mostStormMs = 30_000;
/** The number of single faults between two storms. */
const aloneEach = 2;

/**
 * The faults of a run, round after round, from the seed alone. Every hand and every fault has a random source of its own, so that the
 * progress of one does not change the others.
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
