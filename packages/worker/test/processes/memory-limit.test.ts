import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { availableWithin, OutOfMemoryKills } from '../../src/processes/memory-limit.js';

const mb = 1024 * 1024;

/** A root folder with these files. */
async function root(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-test-cgroup-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

const v2 = `anon ${300 * mb}\nfile ${700 * mb}\nshmem ${100 * mb}\ninactive_anon 5\ninactive_file ${400 * mb}\nactive_file ${200 * mb}\nslab_reclaimable ${20 * mb}\nslab_unreclaimable 7\n`;
const v1 = `cache 9\ninactive_file 1\nactive_file 1\ntotal_cache 9\ntotal_inactive_file ${400 * mb}\ntotal_active_file ${220 * mb}\n`;

test.each([
  [
    'cgroup v2',
    {
      'proc/self/cgroup': '0::/system.slice/hearth.service\n',
      'sys/fs/cgroup/system.slice/hearth.service/memory.current': `${1_000 * mb}\n`,
      'sys/fs/cgroup/system.slice/hearth.service/memory.stat': v2,
    },
  ],
  [
    'cgroup v2 in a container',
    {
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/memory.current': `${1_000 * mb}\n`,
      'sys/fs/cgroup/memory.stat': v2,
    },
  ],
  [
    'cgroup v1 in a container that sees its path on the host',
    {
      'proc/self/cgroup': '5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': `${1_000 * mb}\n`,
      'sys/fs/cgroup/memory/memory.stat': v1,
    },
  ],
])('the cache of files is no used memory: %s', async (_, files) => {
  const folder = await root(files);
  expect(availableWithin(1_024 * mb, folder)).toBe((24 + 620) * mb);
  expect(availableWithin(300 * mb, folder)).toBe(0);
});

test('knows nothing without a cgroup', async () => {
  expect(availableWithin(1_024 * mb, await root({}))).toBeUndefined();
  expect(availableWithin(1_024 * mb, await root({ 'proc/self/cgroup': '0::/\n' }))).toBeUndefined();
});

test.each([
  ['cgroup v2', '0::/hearth\n', 'sys/fs/cgroup/hearth/memory.events', 'low 0\nhigh 9\noom 4\noom_kill 2\n'],
  [
    'cgroup v1',
    '4:memory:/hearth\n0::/\n',
    'sys/fs/cgroup/memory/hearth/memory.oom_control',
    'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
  ],
])('accounts for each process that the kernel killed once: %s', async (_, cgroup, path, events) => {
  const folder = await root({ 'proc/self/cgroup': cgroup, [path]: events });
  const kills = new OutOfMemoryKills(folder);
  expect(kills.take()).toBe(false);
  await writeFile(join(folder, path), events.replace('oom_kill 2', 'oom_kill 4'));
  expect([kills.take(), kills.take(), kills.take()]).toEqual([true, true, false]);
});

test('without a cgroup, the kernel killed nothing', async () => {
  expect(new OutOfMemoryKills(await root({})).take()).toBe(false);
});
