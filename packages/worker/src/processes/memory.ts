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
 * What each of some agents holds of the machine's memory, by its pid, together with everything it started, bytes (resident; pages that
 * processes share count for each): all that descends from it, and all that carries its mark, whose parents may be gone. Empty where there
 * is no /proc. One look at all processes, some 50 µs each, none of it at once.
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

/** Of which agent a process carries the mark; undefined when it is gone, another user's, or nobody's. */
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

/** What a cgroup's memory.stat says of memory that the kernel gives up for whoever needs it. */
const reclaimableV2 = /^(?:inactive_file|active_file|slab_reclaimable) (\d+)$/gm;
const reclaimableV1 = /^(?:total_inactive_file|total_active_file) (\d+)$/gm;

/** Memory that could be had without swapping, bytes, within whatever limit the container sets. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  const onMachine = freemem();
  if (limit === 0 || limit >= totalmem()) return onMachine;
  return Math.min(onMachine, availableWithin(limit, '/') ?? process.availableMemory());
}

/**
 * What is left of a cgroup's limit, bytes. The kernel counts the cache of files as used, though it gives it up for whoever needs
 * memory (`process.availableMemory` counts it, too): where files are read and written nothing would ever be left.
 * Undefined where there is no such cgroup below `root`.
 */
export function availableWithin(limit: number, root: string): number | undefined {
  const cgroups = readOrNothing(join(root, 'proc/self/cgroup'));
  const v1 = /^\d+:(?:\w+,)*memory(?:,\w+)*:(.*)$/m.exec(cgroups)?.[1];
  const path = v1 ?? /^0::(.*)$/m.exec(cgroups)?.[1];
  if (path === undefined) return undefined;
  const mounted = join(root, 'sys/fs/cgroup', v1 === undefined ? '' : 'memory');
  // A container may be told its path on the host, and sees its own cgroup as the root.
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
