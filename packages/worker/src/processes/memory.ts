import { readdir, readFile } from 'node:fs/promises';

interface ProcessFacts {
  parent: number;
  bytes: number;
}

/**
 * What each of some processes holds of the machine's memory, together with everything it started, bytes (resident; pages that processes
 * share count for each). Empty where there is no /proc. One look at all processes, some 30 µs each, none of it at once.
 */
export async function treeMemory(roots: readonly number[]): Promise<Map<number, number>> {
  const facts = await allProcesses();
  const rootOf = (pid: number): number | undefined => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = facts.get(at)?.parent) {
      if (roots.includes(at)) return at;
    }
    return undefined;
  };
  const trees = new Map<number, number>();
  for (const [pid, { bytes }] of facts) {
    const root = rootOf(pid);
    if (root !== undefined) trees.set(root, (trees.get(root) ?? 0) + bytes);
  }
  return trees;
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
