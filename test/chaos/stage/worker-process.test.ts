import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Recorder } from '../recorder.js';
import { TroubleProxy } from './proxy.js';
import { WorkerProcess } from './worker-process.js';

test('a worker that does not end when it is told to is killed, and that is recorded', async () => {
  const home = await mkdtemp(join(tmpdir(), 'hearth-chaos-'));
  const proxy = await TroubleProxy.open('redis://127.0.0.1:1');
  const recorder = new Recorder(undefined);
  const settings = { args: [], env: process.env, home, owesHome: false, onLine: () => undefined };
  const worker = new WorkerProcess(settings, proxy, recorder);
  onTestFinished(async () => {
    worker.kill();
    await proxy.close();
    await rm(home, { recursive: true, force: true });
  });
  // A signal before its program has a handler would end it at once.
  worker.freeze();
  await worker.leaves(50);
  expect(recorder.records.map(({ kind }) => kind)).toContain('left');

  const other = new WorkerProcess(settings, proxy, recorder);
  const before = recorder.records.length;
  other.kill();
  await other.leaves(10_000);
  expect(recorder.records.slice(before).map(({ kind }) => kind)).not.toContain('left');
});
