import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { RunningServer } from './folder-claim.js';
import { deadlineMs, lookEveryMs, policy } from './policy.js';
import { askServer } from './probe.js';

/** Starts the official image with its port on loopback and its data in the given folder. */
export async function startContainer(dataDir: string, port: number): Promise<RunningServer> {
  const container = `hearth-redis-${randomBytes(4).toString('hex')}`;
  const place = ['--name', container, '-p', `127.0.0.1:${port}:6379`, '-v', `${dataDir}:/data`];
  // As this user, so that the files can be read and removed later.
  const user = process.getuid === undefined ? [] : ['--user', `${process.getuid()}:${process.getgid?.() ?? 0}`];
  await execa('docker', ['run', '--rm', '-d', ...place, ...user, 'redis:7', 'redis-server', ...policy]);
  for (const startedAt = performance.now(); performance.now() - startedAt < deadlineMs; ) {
    if ((await askServer(port))?.isReady === true) return { origin: 'docker', port, container };
    await sleep(lookEveryMs);
  }
  await execa('docker', ['rm', '-f', container], { reject: false });
  throw new Error(`the container ${container} did not answer`);
}

export async function stopContainer(container: string): Promise<void> {
  // A container that is gone already counts as stopped.
  await execa('docker', ['stop', container], { reject: false });
}
