/** The parts of a gate: prints each before it runs, and records how long it took. */
import { clock, Durations } from './durations.mjs';

const say = (text) => process.stderr.write(`${text}\n`);

/** A part with this name takes as long as its words make it: the reporter estimates it. */
export const selectedTests = 'selected tests';

/**
 * Runs the parts in order. A part that fails ends the process itself.
 *
 * @param parts the work of each, by its name
 */
export async function runParts(parts) {
  const durations = new Durations();
  const names = Object.keys(parts);
  const timed = names.filter((name) => name !== selectedTests);
  say(`${names.join(', ')}: about ${clock(timed.reduce((sum, name) => sum + durations.of(name), 0))}`);
  for (const [at, name] of names.entries()) {
    say(`— ${at + 1}/${names.length} ${name}`);
    const startedAt = performance.now();
    await parts[name]();
    if (timed.includes(name)) durations.record({ [name]: (performance.now() - startedAt) / 1_000 });
  }
}
