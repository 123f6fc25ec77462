import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { agentMark } from './marked.js';

interface ProcessFacts {
  parent: number;
  bytes: number;
}

/**
 * Measures the resident memory of agents together with everything they started: all descendants, and all processes with their mark,
 * whose parents may be gone. Shared pages count for each process. It reads every process once, asynchronously, about 50 µs each.
 *
 * @param roots the pids of the agents
 * @returns pid of the agent → bytes. Empty without /proc.
 */
export async function treeMemory(roots: readonly number[]): Promise<Map<number, number>> {
  const facts = await allProcesses();
  const trees = new Map<number, number>();
  const markOf = new Map<string, number>();
  for (const root of roots) {
    const mark = facts.has(root) ? await markIn(root) : undefined;
    if (mark !== undefined) markOf.set(mark, root);
  }
  const ancestorOf = (pid: number): number | undefined => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = facts.get(at)?.parent) {
      if (roots.includes(at)) return at;
    }
    return undefined;
  };
  for (const [pid, { bytes }] of facts) {
    const root = ancestorOf(pid) ?? (markOf.size > 0 ? markOf.get((await markIn(pid)) ?? '') : undefined);
    if (root !== undefined) trees.set(root, (trees.get(root) ?? 0) + bytes);
  }
  return trees;
}

/** The agent mark of a process. Undefined when it has none, is gone, or belongs to another user. */
async function markIn(pid: number): Promise<string | undefined> {
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  return environment.split('\0').find((entry) => entry.startsWith(`${agentMark}=`));
}

async function allProcesses(): Promise<Map<number, ProcessFacts>> {
  const facts = new Map<number, ProcessFacts>();
  const entries = await readdir('/proc').catch(() => []);
  for (const entry of entries) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const parent = /^PPid:\s+(\d+)$/m.exec(status)?.[1];
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    if (parent !== undefined) facts.set(pid, { parent: Number(parent), bytes: Number(kilobytes ?? 0) * 1024 });
  }
  return facts;
}

/** Fields of a cgroup's memory.stat with memory that the kernel frees on demand. */
const reclaimableV2 = /^(?:inactive_file|active_file|slab_reclaimable) (\d+)$/gm;
const reclaimableV1 = /^(?:total_inactive_file|total_active_file) (\d+)$/gm;

/** Memory that is available without swapping, within the limit of the container, bytes. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  const onMachine = freemem();
  if (limit === 0 || limit >= totalmem()) return onMachine;
  return Math.min(onMachine, availableWithin(limit, '/') ?? process.availableMemory());
}

/**
 * What is left of a cgroup's memory limit, bytes. The file cache counts as free, because the kernel frees it on demand. The kernel and
 * `process.availableMemory` count it as used, so with many files nothing would ever be left.
 *
 * @returns undefined when there is no such cgroup below `root`
 */
export function availableWithin(limit: number, root: string): number | undefined {
  const cgroups = readOrNothing(join(root, 'proc/self/cgroup'));
  const v1 = /^\d+:(?:\w+,)*memory(?:,\w+)*:(.*)$/m.exec(cgroups)?.[1];
  const path = v1 ?? /^0::(.*)$/m.exec(cgroups)?.[1];
  if (path === undefined) return undefined;
  const mounted = join(root, 'sys/fs/cgroup', v1 === undefined ? '' : 'memory');
  // A container may see its path on the host, while its own cgroup is mounted as the root.
  for (const folder of [join(mounted, path), mounted]) {
    const current = readOrNothing(join(folder, v1 === undefined ? 'memory.current' : 'memory.usage_in_bytes'));
    const stat = readOrNothing(join(folder, 'memory.stat'));
    if (current === '' || stat === '') continue;
    let reclaimable = 0;
    for (const [, bytes] of stat.matchAll(v1 === undefined ? reclaimableV2 : reclaimableV1))
      reclaimable += Number(bytes);
    return Math.max(0, limit - Number(current) + reclaimable);
  }
  return undefined;
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
