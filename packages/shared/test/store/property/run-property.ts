import fc from 'fast-check';
import { type ScheduleKind, schedules } from './commands.js';
import { checkInvariants } from './invariants.js';
import { Model } from './model.js';
import { startWorker } from './worker-steps.js';
import { Harness, type Tamper } from './world.js';

export interface PropertyOutcome {
  failed: boolean;
  /** The failure, with the seed and the schedule. */
  report: string;
  /** The failed schedule of the seed. */
  path: string | undefined;
}

/** Runs random schedules against the scripts and the model. */
export async function runProperty(
  params: { numRuns: number; endOnFailure?: boolean; timeout?: number; seed?: number; path?: string },
  tamper?: Tamper,
  kind: ScheduleKind = 'all',
): Promise<PropertyOutcome> {
  const harness = await Harness.open(tamper);
  try {
    const details = await fc.check(
      fc.asyncProperty(schedules[kind], (schedule) =>
        harness.run(tamper === undefined, async (world) => {
          const model = new Model();
          for (let n = 0; n < 2; n++) await startWorker(model, world, { drop: false });
          await fc.asyncModelRun(() => ({ model, real: world }), schedule);
          await checkInvariants(model, world);
        }),
      ),
      params,
    );
    return {
      failed: details.failed,
      path: details.counterexamplePath ?? undefined,
      report: `${fc.defaultReportMessage(details) ?? ''}\n${String(details.errorInstance)}`,
    };
  } finally {
    await harness.close();
  }
}
