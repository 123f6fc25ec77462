import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { LocalRedisError } from './errors.js';

/** The binary is in redis-tools. redis-server only links it under its name. */
const packages = ['redis-server', 'redis-tools'];

export async function hasApt(): Promise<boolean> {
  const tools = ['apt-get', 'dpkg'].map((tool) => execa(tool, ['--version'], { stdio: 'ignore', reject: false }));
  return (await Promise.all(tools)).every(({ failed }) => !failed);
}

/** The path of the server, when its packages were fetched before. */
export function fetchedServer(cacheDir: string): string | undefined {
  const server = join(folderOf(cacheDir), 'usr', 'bin', 'redis-server');
  // It is a link; existsSync follows it to the binary.
  return existsSync(server) ? server : undefined;
}

/** The folders of the fetched libraries, for LD_LIBRARY_PATH. */
export async function fetchedLibraries(cacheDir: string): Promise<string> {
  const roots = ['usr/lib', 'lib'].map((folder) => join(folderOf(cacheDir), folder)).filter(existsSync);
  const entries = await Promise.all(roots.map((root) => readdir(root, { withFileTypes: true })));
  const folders = entries.flat().filter((entry) => entry.isDirectory());
  return [...roots, ...folders.map(({ parentPath, name }) => join(parentPath, name))].join(':');
}

/**
 * Fetches the packages without root and unpacks them into the cache. Two processes may do so at once: each unpacks for itself, and the
 * first to finish wins.
 *
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
    await rename(unpacked, folderOf(cacheDir)).catch((error: unknown) => {
      // Another process finished first, and its server may run from the folder already.
      if (fetchedServer(cacheDir) === undefined) throw error;
    });
    const server = fetchedServer(cacheDir);
    if (server === undefined) throw new Error('the packages hold no redis-server');
    return server;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n').slice(0, 3).join(' ') : String(cause);
    throw new LocalRedisError(
      'redis_fetch_failed',
      `Redis could not be fetched: ${reason}. Run \`apt-get install redis-server\` as root, or set REDIS_URL.`,
      { cause },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The cache folder of this release, because packages of one release do not start on another. */
function folderOf(cacheDir: string): string {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const field = (name: string): string => new RegExp(`^${name}="?([\\w.-]+)`, 'm').exec(release)?.[1] ?? 'any';
  return join(cacheDir, `redis-${field('ID')}-${field('VERSION_ID')}-${process.arch}`);
}

/** Tries the machine's package lists. They may be missing or too old; then it fetches lists into its own folder. */
async function download(work: string, onProgress: (line: string) => void): Promise<void> {
  try {
    await downloadWith([], work);
  } catch {
    onProgress('Reading the package lists');
    const lists = join(work, 'lists');
    const cache = join(work, 'cache');
    await mkdir(join(lists, 'partial'), { recursive: true });
    await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
    const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`];
    await apt([...own, 'update'], work);
    await downloadWith(own, work);
  }
}

async function downloadWith(own: readonly string[], work: string): Promise<void> {
  // A simulated installation names exactly the packages that this machine lacks, indirect libraries included.
  const plan = await apt([...own, '--simulate', '--no-install-recommends', 'install', 'redis-server'], work);
  const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name);
  const libraries = missing.filter((name) => /^(lib|lua)/.test(name));
  await apt([...own, 'download', ...packages, ...libraries], work);
}

async function apt(args: readonly string[], cwd: string): Promise<string> {
  // NoLocking, because the machine's lock needs root, and these folders are private.
  const { stdout } = await execa('apt-get', ['-o', 'Debug::NoLocking=1', ...args], {
    cwd,
    env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    stdin: 'ignore',
  });
  return stdout;
}
