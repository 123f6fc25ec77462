/** The memory of the machine or of the container (cgroup v1 and v2) that the worker runs in, and what the kernel killed for it. */
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

/** The memory this process may use together with everything beside it: that of its container, otherwise of the machine, bytes. */
export function usableMemory(): number {
  // 0, or more than there is: no limit.
  const limit = process.constrainedMemory();
  return limit === 0 ? totalmem() : Math.min(limit, totalmem());
}

/** Memory that is available without swapping, within the limit of the container, bytes. */
export function availableMemory(): number {
  const limit = usableMemory();
  if (limit === totalmem()) return freemem();
  return Math.min(freemem(), availableWithin(limit, '/') ?? process.availableMemory());
}

/** Fields of a cgroup's memory.stat with memory that the kernel frees on demand. */
const reclaimable = {
  v1: /^(?:total_inactive_file|total_active_file) (\d+)$/gm,
  v2: /^(?:inactive_file|active_file|slab_reclaimable) (\d+)$/gm,
};

/**
 * What is left of a cgroup's memory limit, bytes. The file cache counts as free, because the kernel frees it on demand. The kernel and
 * `process.availableMemory` count it as used, so with many files nothing would ever be left.
 *
 * @returns undefined when there is no such cgroup below `root`
 */
export function availableWithin(limit: number, root: string): number | undefined {
  const { version, folders } = memoryCgroup(root);
  for (const folder of folders) {
    const current = readOrNothing(join(folder, version === 'v2' ? 'memory.current' : 'memory.usage_in_bytes'));
    const stat = readOrNothing(join(folder, 'memory.stat'));
    if (current === '' || stat === '') continue;
    let freed = 0;
    for (const [, bytes] of stat.matchAll(reclaimable[version])) freed += Number(bytes);
    return Math.max(0, limit - Number(current) + freed);
  }
  return undefined;
}

/**
 * Tells kills by the kernel's out-of-memory killer from others. Owns how many kills in the worker's cgroup were accounted for. The kernel
 * says how many processes it killed, not which: one of them is taken for each process found killed.
 */
export class OutOfMemoryKills {
  private accounted: number;

  constructor(private readonly root = '/') {
    this.accounted = outOfMemoryKills(root);
  }

  /** Whether the kernel killed a process that was not accounted for yet. Accounts for it. */
  take(): boolean {
    if (outOfMemoryKills(this.root) <= this.accounted) return false;
    this.accounted += 1;
    return true;
  }
}

/** `oom_kill` of memory.oom_control (v1, Linux 4.13) or memory.events (v2): processes killed since the cgroup began. */
function outOfMemoryKills(root: string): number {
  const { version, folders } = memoryCgroup(root);
  for (const folder of folders) {
    const events = readOrNothing(join(folder, version === 'v2' ? 'memory.events' : 'memory.oom_control'));
    const kills = /^oom_kill (\d+)$/m.exec(events)?.[1];
    if (kills !== undefined) return Number(kills);
  }
  return 0;
}

/** The memory cgroup of this process, and where its files may be. */
function memoryCgroup(root: string): { version: 'v1' | 'v2'; folders: string[] } {
  const cgroups = readOrNothing(join(root, 'proc/self/cgroup'));
  const v1 = /^\d+:(?:\w+,)*memory(?:,\w+)*:(.*)$/m.exec(cgroups)?.[1];
  const path = v1 ?? /^0::(.*)$/m.exec(cgroups)?.[1];
  const version = v1 === undefined ? 'v2' : 'v1';
  if (path === undefined) return { version, folders: [] };
  const mounted = join(root, 'sys/fs/cgroup', v1 === undefined ? '' : 'memory');
  // A container may see its path on the host, while its own cgroup is mounted as the root.
  return { version, folders: [join(mounted, path), mounted] };
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
