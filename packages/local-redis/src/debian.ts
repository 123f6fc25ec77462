import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { LocalRedisError } from './errors.js';

/** Redis lives in redis-tools (one binary under several names); redis-server only links it. */
const packages = ['redis-server', 'redis-tools'];
/** What the C library's package and the like bring is on every Debian. */
const always = /^(libc6|libgcc|libstdc|libssl|libsystemd|adduser|init-system|lsb-base)/;

const folderOf = (cacheDir: string): string => join(cacheDir, 'redis-debian');

export async function hasApt(): Promise<boolean> {
  const tools = [
    ['apt-get', '--version'],
    ['dpkg', '--version'],
  ] as const;
  const found = await Promise.all(
    tools.map(([tool, flag]) =>
      execa(tool, [flag], { stdio: 'ignore' }).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

/** The server's path, when its packages were fetched before. */
export function fetchedServer(cacheDir: string): string | undefined {
  const program = join(folderOf(cacheDir), 'usr', 'bin', 'redis-check-rdb');
  const server = join(folderOf(cacheDir), 'usr', 'bin', 'redis-server');
  return existsSync(program) && existsSync(server) ? server : undefined;
}

/** Where the fetched packages' libraries lie, for LD_LIBRARY_PATH. */
export async function fetchedLibraries(cacheDir: string): Promise<string> {
  const lib = join(folderOf(cacheDir), 'usr', 'lib');
  if (!existsSync(lib)) return '';
  const folders = (await readdir(lib, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(lib, name));
  return [lib, ...folders].join(':');
}

/**
 * Fetches the packages without root and unpacks them into the cache. Safe to run twice at once: each unpacks for itself, and
 * the first to finish wins.
 * @throws LocalRedisError `redis_fetch_failed`
 */
export async function fetchServer(cacheDir: string, onProgress: (line: string) => void): Promise<string> {
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, 'fetch-'));
  try {
    onProgress('Fetching Redis as Debian packages (about 1.5 MB)');
    await download(work, onProgress);
    const unpacked = join(work, 'unpacked');
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await execa('dpkg', ['-x', join(work, file), unpacked]);
    }
    await rename(unpacked, folderOf(cacheDir)).catch(async () => {
      // Somebody else finished first, or left a broken one: copying over it repairs either.
      await cp(unpacked, folderOf(cacheDir), { recursive: true, force: true, verbatimSymlinks: true });
    });
    const server = fetchedServer(cacheDir);
    if (server === undefined) throw new Error('the packages hold no redis-server');
    return server;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n').slice(0, 3).join(' ') : String(cause);
    throw new LocalRedisError(
      'redis_fetch_failed',
      `Redis could not be fetched: ${reason}. As root: \`apt-get install redis-server\`; or set REDIS_URL.`,
      { cause },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(work: string, onProgress: (line: string) => void): Promise<void> {
  // With lists of its own apt-get needs no root; the machine's own lists may be missing or old.
  const own = [
    '-o',
    `Dir::State::lists=${join(work, 'lists')}`,
    '-o',
    `Dir::Cache=${join(work, 'cache')}`,
    '-o',
    'Debug::NoLocking=1',
  ];
  const options = {
    cwd: work,
    env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    stdin: 'ignore',
  } as const satisfies Options;
  try {
    await execa('apt-get', ['download', ...packages, ...(await libraries([]))], options);
  } catch {
    onProgress('Reading the package lists');
    await mkdir(join(work, 'lists', 'partial'), { recursive: true });
    await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
    await execa('apt-get', [...own, 'update'], options);
    await execa('apt-get', [...own, 'download', ...packages, ...(await libraries(own))], options);
  }
}

async function libraries(own: readonly string[]): Promise<string[]> {
  const { stdout } = await execa('apt-cache', [...own, 'depends', '--no-recommends', '--no-suggests', 'redis-tools']);
  const depends = [...stdout.matchAll(/^\s*Depends: (\S+)$/gm)].map(([, name = '']) => name);
  return depends.filter((name) => !always.test(name) && !name.startsWith('<'));
}
