import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createLogger } from '@hearth/shared/internal';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryBudget } from '../../src/pool/memory-budget.js';
import { agentMark } from '../../src/processes/marked.js';
import { treeMemory } from '../../src/processes/memory.js';

const mb = 1024 * 1024;
const log = createLogger('test', 'silent');

/** Starts a process that holds so much memory. `orphanMb`: it also has a marked process whose parent is gone. */
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
  // The shell between them ends, so the process cannot be found by its parents.
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

const budgetOf = (availableMb: number, firstEstimateMb = 400): MemoryBudget =>
  new MemoryBudget({ available: () => availableMb * mb, firstEstimate: firstEstimateMb * mb, log });

async function measure(budget: MemoryBudget, pids: readonly number[], times = 10): Promise<void> {
  for (let time = 0; time < times; time += 1) budget.record(await treeMemory(pids));
}

test('counts starting agents', () => {
  const budget = budgetOf(256 + 5 * 400);
  let started = 0;
  while (started < 100 && budget.fits(started, [])) started += 1;
  expect(started).toBe(5);
});

test('estimates a new agent from measured agents, and reserves nothing for an agent that was measured', async () => {
  const agents = await Promise.all([agent('a-1', 60), agent('a-2', 60)]);
  const pids = agents.map(({ pid }) => pid ?? -1);
  const budget = budgetOf(256 + 300);
  expect(budget.fits(2, pids)).toBe(false);
  await measure(budget, pids);
  for (const pid of pids) expect(budget.of(pid)).toBeGreaterThan(60 * mb);
  expect(budget.fits(2, pids)).toBe(true);
});

test('counts marked processes whose parents are gone for their agent', async () => {
  const { pid = -1 } = await agent('a-3', 10, 200);
  const budget = budgetOf(10_000);
  await measure(budget, [pid], 1);
  expect(budget.of(pid)).toBeGreaterThan(200 * mb);
});

test('lets a worker without agents start one where the first estimate fits, whatever was learned', async () => {
  const { pid = -1 } = await agent('a-4', 120);
  const budget = budgetOf(256 + 60, 50);
  await measure(budget, [pid]);
  expect(budget.fits(1, [pid])).toBe(false);
  await measure(budget, [], 1);
  expect(budget.fits(0, [])).toBe(true);
});

test('refuses the first agent where the first estimate does not fit', () => {
  expect(budgetOf(256 + 390).fits(0, [])).toBe(false);
  expect(budgetOf(256 + 400).fits(0, [])).toBe(true);
});
