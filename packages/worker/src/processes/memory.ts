import { readdir, readFile } from 'node:fs/promises';
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

/** Memory that could be had without swapping, bytes, within whatever limits the container sets. */
export const availableMemory = (): number => process.availableMemory();
