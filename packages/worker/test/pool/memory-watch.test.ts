import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createLogger } from '@hearth/shared';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryWatch } from '../../src/pool/memory-watch.js';
import { agentMark } from '../../src/processes/marked.js';

const mb = 1024 * 1024;
const log = createLogger('test', 'silent');

/** A process that holds so much, and has taken it; its own child, if it is to have one, outlives its own parent. */
async function agent(agentId: string, holdsMb: number, orphanMb?: number): Promise<ChildProcess> {
  const hold = (megabytes: number): string =>
    `globalThis.held = Buffer.alloc(${megabytes} * 1024 * 1024, 1); console.log('holds'); setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['-e', hold(holdsMb)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, [agentMark]: agentId },
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  await once(createInterface({ input: child.stdout }), 'line');
  if (orphanMb === undefined) return child;
  // A shell that has ended lies between: nobody finds it by its parents.
  const shell = spawn('sh', ['-c', '"$0" -e "$1" & echo $!', process.execPath, hold(orphanMb)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, [agentMark]: agentId },
  });
  const lines = createInterface({ input: shell.stdout });
  const said: string[] = [];
  lines.on('line', (line) => said.push(line));
  await expect.poll(() => said.length, { timeout: 20_000 }).toBe(2);
  const orphan = Number(said.find((line) => line !== 'holds'));
  onTestFinished(() => void process.kill(orphan, 'SIGKILL'));
  return child;
}

function watch(deps: { pids?: number[]; expected?: () => number; availableMb?: number; firstEstimateMb?: number }) {
  const measured = new Map<number, number>();
  const memory = new MemoryWatch({
    pids: () => deps.pids ?? [],
    expected: deps.expected ?? (() => 0),
    available: () => (deps.availableMb ?? 10_000) * mb,
    onMeasured: (pid, bytes) => measured.set(pid, bytes / mb),
    onRoom: () => undefined,
    firstEstimate: (deps.firstEstimateMb ?? 400) * mb,
    log,
  });
  return { memory, measured };
}

test('agents that are just starting count: of many at once no more are started than fit', () => {
  let started = 0;
  const { memory } = watch({ availableMb: 256 + 5 * 400, expected: () => started });
  while (started < 100 && memory.fits()) started += 1;
  expect(started).toBe(5);
});

test('what an agent takes is learned from those that were measured, and one that was measured is set aside nothing for', async () => {
  const agents = await Promise.all([agent('a-1', 60), agent('a-2', 60)]);
  const pids = agents.map(({ pid }) => pid ?? -1);
  const { memory, measured } = watch({ pids, expected: () => 2, availableMb: 256 + 300 });
  expect(memory.fits()).toBe(false);
  for (let rounds = 0; rounds < 10; rounds += 1) await memory.measure();
  expect(new Set(measured.keys())).toEqual(new Set(pids));
  for (const held of measured.values()) expect(held).toBeGreaterThan(60);
  expect(memory.of(pids[0] ?? -1)).toBeGreaterThan(60 * mb);
  expect(memory.fits()).toBe(true);
});

test('what an agent has left behind in a life of its own counts for it', async () => {
  const child = await agent('a-3', 10, 200);
  const { memory, measured } = watch({ pids: [child.pid ?? -1] });
  await memory.measure();
  expect(measured.get(child.pid ?? -1)).toBeGreaterThan(200);
});

test('a worker without agents starts one, whatever the last one took: only an agent that runs can bring the estimate down', async () => {
  const { pid } = await agent('a-4', 120);
  const pids = [pid ?? -1];
  const { memory } = watch({ pids, expected: () => pids.length, firstEstimateMb: 50, availableMb: 256 + 60 });
  for (let rounds = 0; rounds < 10; rounds += 1) await memory.measure();
  expect(memory.fits()).toBe(false);
  pids.pop();
  await memory.measure();
  expect(memory.fits()).toBe(true);
});

test('a worker without agents starts none where not even the first would fit', () => {
  expect(watch({ availableMb: 256 + 390 }).memory.fits()).toBe(false);
  expect(watch({ availableMb: 256 + 400 }).memory.fits()).toBe(true);
});
