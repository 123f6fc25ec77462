import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { isAlive, type RunningServer } from './folder-claim.js';
import { deadlineMs, lookEveryMs, policy, readableEnvironment } from './policy.js';
import { askServer } from './probe.js';

export interface ProgramOptions {
  program: string;
  origin: 'path' | 'debian-package';
  dataDir: string;
  port: number;
  /** LD_LIBRARY_PATH of a fetched program. */
  libraries: string;
  /** Called as soon as there is a process, ready or not, so that it can be found after a crash of this one. */
  onSpawn: (server: RunningServer) => Promise<void>;
}

/** Starts a server on loopback and waits until it answers. @throws Error with its output when it does not */
export async function startProgram(options: ProgramOptions): Promise<RunningServer> {
  const { program, origin, dataDir, port, libraries } = options;
  const logFile = join(dataDir, 'redis.log');
  await rm(logFile, { force: true });
  const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dataDir, '--logfile', logFile];
  const child = execa(program, [...place, ...policy, ...readableEnvironment], {
    buffer: false,
    // Ctrl-C in a terminal reaches the whole process group. The server must outlive its clients.
    detached: true,
    cleanup: false,
    reject: false,
    stdio: 'ignore',
    env: libraries === '' ? {} : { LD_LIBRARY_PATH: libraries },
  });
  const end = { isHere: false };
  const ended = child.then(() => {
    end.isHere = true;
  });
  const server: RunningServer = { origin, port, pid: child.pid };
  try {
    if (child.pid !== undefined) await options.onSpawn(server);
    for (const startedAt = performance.now(); performance.now() - startedAt < deadlineMs && !end.isHere; ) {
      const answer = await askServer(port);
      // Another process may have taken the port meanwhile, so only this child counts.
      if (answer?.isReady === true && answer.pid === child.pid) return server;
      await sleep(lookEveryMs);
    }
    const said = await readFile(logFile, 'utf8').catch(() => 'it said nothing');
    throw new Error(`${program} did not start: ${said.trim().split('\n').slice(-3).join(' ')}`);
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    throw error;
  }
}

/** Asks a server to write its data and end, and kills it when it does not. It need not be a child. */
export async function stopProgram(pid: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isRunning(pid))) return;
    signalIfThere(pid, signal);
    for (const startedAt = performance.now(); performance.now() - startedAt < deadlineMs; ) {
      if (!(await isRunning(pid))) return;
      await sleep(lookEveryMs);
    }
  }
}

/** The server may end by itself before the signal. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A zombie counts as ended, because an orphan is not reaped where init does not do that. */
async function isRunning(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) Z /.test(stat);
}
