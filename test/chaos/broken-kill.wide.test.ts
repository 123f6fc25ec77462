import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/facts.js';
import { check } from './checker/check.js';
import { finish } from './finish.js';
import { Load } from './load/load.js';
import { shell } from './load/turn-kinds.js';
import { Recorder } from './recorder.js';
import { settingsOf } from './run.js';
import { watchdogOf } from './stage/processes.js';
import { Stage } from './stage/stage.js';
import type { WorkerProcess } from './stage/worker-process.js';

const sessionIds = ['s'];
const leaseTtlMs = 1_500;

/** One turn whose shell runs for three seconds; its worker is killed meanwhile. Returns the promises that were broken. */
async function judged(end: (owner: WorkerProcess, agent: number) => void): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-chaos-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const recorder = new Recorder(undefined);
  const settings = { workers: 2, slots: 2, leaseTtlMs };
  recorder.note(settingsOf({ seed: 1, ...settings }));
  const stage = await Stage.open({
    folder,
    lookAfterMs: 1_000,
    sessionIds,
    recorder,
    ...settings,
    onWorkerLine: () => undefined,
  });
  try {
    await stage.start();
    const producers = { caller: stage.producer(), reader: stage.producer(), jobs: stage.jobs() };
    const load = new Load({ sessionIds, disposable: [], depth: 0, thinkMs: 0, kinds: [] }, producers, recorder);
    load.read();
    const asked = load.ask('s', (turnId) => ({ ...shell(turnId, 30, 100), onInterrupted: 'retry' }));
    const { pid } = await eventually(async () => (await stage.effects())[0]);
    const owner = await eventually(() => {
      const seen = recorder.records.findLast((record) => record.kind === 'owner');
      return stage.up.find(({ workerId }) => seen?.kind === 'owner' && workerId === seen.workerId);
    });
    end(owner, pid);
    await asked;
    await finish(stage, load, recorder);
  } finally {
    await stage.close();
  }
  for (const effect of await stage.effects()) recorder.note({ kind: 'effect', ...effect });
  return check(recorder.records).violations.map(({ rule }) => rule);
}

test('a watchdog that kills agents by pid leaves their shells running, and the checker reports it', async () => {
  const broken = await judged((owner, agent) => {
    // The result of such a watchdog: the agent is dead, and no process looks for its marks.
    owner.freeze();
    for (const pid of [watchdogOf(owner.pid), agent]) if (pid !== undefined) process.kill(pid, 'SIGKILL');
    owner.kill();
  });
  expect(new Set(broken)).toEqual(new Set(["no effect after its owner's lease", 'no two agents for a session']));
});
