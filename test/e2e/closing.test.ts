import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSessionId, sessionFolder } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import { expect, test } from 'vitest';
import { type Cluster, shortLeaseMs, withCluster } from '../support/cluster.js';
import { contents, lastLineWritten } from '../support/contents.js';
import { eventually } from '../support/facts.js';
import { startGateway } from '../support/gateway.js';
import { shareCluster } from '../support/shared-cluster.js';
import { firstEvent, recall, remember } from '../support/turns.js';

const shared = shareCluster({ claude: 'fake', profiles: { broken: { spares: 0, extraArgs: ['--no-such-flag'] } } });

const long = '[[stream chunks=20 every=200ms]] a b c d e f g h i j k l m n o p q r s t u v w';

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The keys, index entries and jobs that name the session. */
async function traces(cluster: Cluster, sessionId: string): Promise<string[]> {
  const keys = cluster.keys.session(sessionId);
  const found = await cluster.redis.keys(`${keys.session}*`);
  for (const index of [keys.pending, keys.sessions, keys.deadlines]) {
    const members = await cluster.redis.zrange(index, '0', '-1');
    found.push(...members.filter((member) => member.split(' ')[0] === encodeSessionId(sessionId)));
  }
  for (const name of ['turns', ...cluster.workers.map(({ workerNumber }) => `turns-${workerNumber}`)]) {
    const queue = new Queue(name, { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
    const jobs = await queue.getJobs();
    found.push(...jobs.filter((job) => job?.data.sessionId === sessionId).map((job) => `job ${job.id}`));
    await queue.close();
  }
  return found;
}

test('closing an idle session ends its agent and erases keys, jobs and files, and its id opens another one', async () => {
  const { cluster, worker } = shared();
  const session = shared().session();
  const told = await (await session.prompt(remember(9), { turnId: 'first' })).result();
  const incarnation = (await session.summary())?.incarnation ?? '';
  const folder = join(worker.home, 'workspaces', sessionFolder(session.sessionId));
  expect(await exists(join(folder, incarnation))).toBe(true);
  expect(await session.close()).toBe(true);
  expect(() => process.kill(told.pid ?? 0, 0)).toThrow();
  expect(await traces(cluster, session.sessionId)).toEqual([]);
  expect(await exists(folder)).toBe(false);
  expect(await session.close()).toBe(false);

  const again = await (await session.prompt(recall, { turnId: 'first' })).result();
  expect(again).toMatchObject({ seq: 1, text: 'You have not asked me to remember a number.' });
  expect(again.claudeSessionId).not.toBe(told.claudeSessionId);
  expect((await session.summary())?.incarnation).not.toBe(incarnation);
});

test('closing a session that was only warmed erases everything', async () => {
  const { cluster } = shared();
  const session = shared().session();
  await session.warm();
  await session.warm();
  const broken = cluster.producer().session('broken');
  await expect(broken.warm({ profile: 'broken' })).rejects.toMatchObject({ code: 'agent_start_failed' });
  await Promise.all([session.close(), broken.close()]);
  // A doorbell may end a moment after what it rang for.
  await expect.poll(() => traces(cluster, session.sessionId)).toEqual([]);
  await expect.poll(() => traces(cluster, 'broken')).toEqual([]);
});

test('closing a session leaves the last job of a Job Scheduler, which belongs to the scheduler', async () => {
  const { cluster } = shared();
  const session = shared().session();
  const turns = new Queue('turns', { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
  try {
    const data = { sessionId: session.sessionId, prompt: 'tick', turnId: 'tick' };
    // Its last job stays the one it counts from.
    const job = await turns.upsertJobScheduler('last', { every: 3_600_000, limit: 1 }, { name: 'turn', data });
    await eventually(async () => (await job?.getState()) === 'completed');
    expect(await session.turn('tick')).toMatchObject({ state: 'finished' });
    expect(await session.close()).toBe(true);
    expect(await traces(cluster, session.sessionId)).toEqual([`job ${job?.id}`]);
  } finally {
    await turns.close();
  }
});

test('closing a busy session cancels its running and its waiting turns', async () => {
  const { cluster } = shared();
  const session = shared().session();
  const running = await session.prompt(long);
  const waiting = [await session.prompt('one'), await session.prompt('two')];
  await firstEvent(running, 'text.delta');
  const ends = [running, ...waiting].map((turn) => turn.result().catch((error: unknown) => error));
  expect(await session.close()).toBe(true);
  for (const end of await Promise.all(ends)) expect(end).toMatchObject({ code: 'cancelled' });
  expect(await traces(cluster, session.sessionId)).toEqual([]);
  await eventually(async () => (await cluster.leases.workers())[0]?.slots.busy === 0);
  expect((await (await session.prompt('hello')).result()).seq).toBe(1);
});

test('closing works without an owner: before any worker, after a release, after the death of the owner', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    const waits = await producer.session('waits').prompt('hello');
    const cancelled = waits.result().catch((error: unknown) => error);
    expect(await producer.session('waits').close()).toBe(true);
    expect(await cancelled).toMatchObject({ code: 'cancelled' });
    expect(await traces(cluster, 'waits')).toEqual([]);

    const worker = await cluster.worker({
      claude: 'fake',
      leaseTtlMs: shortLeaseMs,
      env: { HEARTH_IDLE_TIMEOUT_MS: '1' },
    });
    await (await producer.session('released').prompt('hello')).result();
    await worker.logged(({ event }) => event === 'session.released');
    expect(await producer.session('released').close()).toBe(true);
    expect(await traces(cluster, 'released')).toEqual([]);
    // The session has no owner, so that only the note of the close names its folder.
    await eventually(async () => (await readdir(join(worker.home, 'workspaces'))).length === 0);

    const orphan = await producer.session('orphan').prompt(long);
    await firstEvent(orphan, 'text.delta');
    const lost = orphan.result().catch((error: unknown) => error);
    worker.signal('SIGKILL');
    await worker.exited;
    expect(await producer.session('orphan').close()).toBe(true);
    expect(await lost).toMatchObject({ code: 'cancelled' });
    expect(await traces(cluster, 'orphan')).toEqual([]);
    // A later worker with this home finds the folder by the note.
    const next = await cluster.worker({ claude: 'fake', env: { HEARTH_HOME: worker.home } });
    await eventually(async () => (await readdir(join(worker.home, 'workspaces'))).length === 0);
    expect(next.log.some(({ event }) => event === 'session.claimed')).toBe(false);
  });
});

test('a stopped owner changes nothing in a session that was closed and opened again meanwhile', async () => {
  await withCluster(async (cluster) => {
    const sleeper = await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const session = cluster.producer().session('s');
    const first = await session.prompt(remember(1), { turnId: 'same' });
    await first.result();
    const cursor = `${(await session.summary())?.incarnation}.1`;
    const cut = await session.prompt(long);
    await firstEvent(cut, 'text.delta');
    sleeper.signal('SIGSTOP');
    // Its lease expires while it is stopped, and its watchdog ends its agents.
    expect(await session.close()).toBe(true);
    const other = await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const again = await session.prompt(recall, { turnId: 'same' });
    expect(await again.result()).toMatchObject({
      seq: 1,
      workerId: other.workerId,
      text: 'You have not asked me to remember a number.',
    });
    await lastLineWritten(cluster, 's');
    const before = await contents(cluster, 's');
    sleeper.signal('SIGCONT');
    await sleeper.logged(({ event }) => event === 'session.lost' || event === 'lease.lost');
    // It serves under a new id, so that every write it had left was tried and refused.
    await sleeper.logged(({ event, workerId }) => event === 'worker.serving' && workerId !== sleeper.workerId);
    expect(await contents(cluster, 's')).toEqual(before);
    for await (const event of session.events({ after: cursor })) {
      expect(event.type).toBe('stream.expired');
      break;
    }
    expect((await (await session.prompt('hello')).result()).seq).toBe(2);
  });
});

test('closing by a filter passes over a session that is used meanwhile', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', leaseTtlMs: 60_000 });
    const { workerId, workerNumber } = worker;
    const producer = cluster.producer();
    // It is the last in the list, behind as many as are closed at a time, which wait for a stopped owner.
    const others = Array.from({ length: 20 }, (_, at) => `s-${at}`);
    for (const sessionId of ['a-woken', ...others]) {
      await cluster.lifecycle.open(sessionId, undefined);
      await cluster.store.claim(sessionId, 0, { workerId, workerNumber });
    }
    worker.signal('SIGSTOP');
    const { url } = await startGateway(cluster);
    const closing = fetch(`${url}/v1/sessions?state=idle&wait=60`, { method: 'DELETE' });
    for (const sessionId of others)
      await eventually(async () => (await cluster.store.session(sessionId))?.state === 'closing');
    const turn = await producer.session('a-woken').prompt('hello');
    worker.signal('SIGCONT');
    expect(await (await closing).json()).toEqual({ closed: others.sort(), failed: [], passedOver: ['a-woken'] });
    expect(await turn.result()).toMatchObject({ text: 'Echo: hello' });
    // It is idle again, but it was used.
    const usedAt = (await producer.session('a-woken').summary())?.usedAt ?? 0;
    expect(await producer.session('a-woken').close({ usedBefore: usedAt })).toBe(false);
    expect(await producer.session('a-woken').close({ usedBefore: usedAt + 1 })).toBe(true);
  });
});

test('closes an unused session after its retention, and none that is in use', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', env: { HEARTH_RETENTION_MS: '4000' } });
    const producer = cluster.producer();
    await (await producer.session('old').prompt('hello')).result();
    const inUse = producer.session('in-use');
    await (await inUse.prompt('hello')).result();
    const incarnation = (await inUse.summary())?.incarnation;
    await eventually(async () => {
      await (await inUse.prompt('hello')).result();
      return (await producer.session('old').summary()) === undefined;
    });
    // After a close the next prompt would have opened a new incarnation.
    expect((await inUse.summary())?.incarnation).toBe(incarnation);
    // Its job goes a moment after its keys.
    await expect.poll(() => traces(cluster, 'old')).toEqual([]);
  });
});

test('the workers finish a close whose caller died', async () => {
  await withCluster(async (cluster) => {
    // They look for unused sessions ten times within it.
    const retentionMs = 30_000;
    const worker = await cluster.worker({
      claude: 'fake',
      slots: 1,
      env: { HEARTH_RETENTION_MS: String(retentionMs) },
    });
    const session = cluster.producer().session('s');
    await (await session.prompt('hello')).result();
    // The state that a caller leaves which dies after its first step.
    const { incarnation = '', usedAt = 0 } = (await session.summary()) ?? {};
    await cluster.lifecycle.close('s', incarnation);
    const closed = await worker.logged(({ event }) => event === 'session.retired');
    // It is not closed for being unused.
    expect(closed.time - usedAt).toBeLessThan(retentionMs);
    await expect.poll(() => traces(cluster, 's')).toEqual([]);
  });
});
