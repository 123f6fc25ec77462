import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TurnHandle } from '@hearth/producer';
import { encodeSessionId, sessionFolder } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { contents } from '../support/contents.js';
import { eventually } from '../support/facts.js';
import { startGateway } from '../support/gateway.js';

const long = '[[stream chunks=20 every=200ms]] a b c d e f g h i j k l m n o p q r s t u v w';

async function begun(turn: TurnHandle): Promise<void> {
  for await (const event of turn) if (event.type === 'text.delta') return;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Keys, index entries and jobs of the session. */
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

test('closing an idle session ends its agent and deletes keys, jobs and files; its id opens a new one', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake' });
    const session = cluster.producer().session('S/1');
    const told = await (await session.prompt('Remember the number 9.', { turnId: 'first' })).result();
    const incarnation = (await session.summary())?.incarnation ?? '';
    const folder = join(worker.home, 'workspaces', sessionFolder('S/1'));
    expect(await exists(join(folder, incarnation))).toBe(true);
    expect(await session.close()).toBe(true);
    expect(() => process.kill(told.pid ?? 0, 0)).toThrow();
    expect(await traces(cluster, 'S/1')).toEqual([]);
    expect(await exists(folder)).toBe(false);
    expect(await session.close()).toBe(false);

    const again = await (await session.prompt('What number did I ask you to remember?', { turnId: 'first' })).result();
    expect(again).toMatchObject({ seq: 1, text: 'You have not asked me to remember a number.' });
    expect(again.claudeSessionId).not.toBe(told.claudeSessionId);
    expect((await session.summary())?.incarnation).not.toBe(incarnation);
  });
});

test('a session that was only warmed leaves no keys, jobs or files either', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', profiles: { broken: { extraArgs: ['--no-such-flag'] } } });
    const session = cluster.producer().session('s');
    await session.warm();
    await session.warm();
    const broken = cluster.producer().session('broken');
    await expect(broken.warm({ profile: 'broken' })).rejects.toMatchObject({ code: 'agent_start_failed' });
    await Promise.all([session.close(), broken.close()]);
    // A doorbell may end a moment after its turn.
    await expect.poll(() => traces(cluster, 's')).toEqual([]);
    await expect.poll(() => traces(cluster, 'broken')).toEqual([]);
  });
});

test('a session whose turn came from a Job Scheduler is closed, and the scheduler keeps its job', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const session = cluster.producer().session('s');
    const turns = new Queue('turns', { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
    try {
      const data = { sessionId: 's', prompt: 'tick', turnId: 'tick' };
      // The scheduler counts from its last job.
      const job = await turns.upsertJobScheduler('last', { every: 3_600_000, limit: 1 }, { name: 'turn', data });
      await eventually(async () => (await job?.getState()) === 'completed');
      expect(await session.turn('tick')).toMatchObject({ state: 'finished' });
      expect(await session.close()).toBe(true);
      expect(await traces(cluster, 's')).toEqual([`job ${job?.id}`]);
    } finally {
      await turns.close();
    }
  });
});

test('closing a busy session with waiting turns cancels all of them, and each caller is told', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const session = cluster.producer().session('s');
    const running = await session.prompt(long);
    const waiting = [await session.prompt('one'), await session.prompt('two')];
    await begun(running);
    const ends = [running, ...waiting].map((turn) => turn.result().catch((error: unknown) => error));
    expect(await session.close()).toBe(true);
    for (const end of await Promise.all(ends)) expect(end).toMatchObject({ code: 'cancelled' });
    expect(await traces(cluster, 's')).toEqual([]);
    await eventually(async () => (await cluster.leases.workers())[0]?.slots.busy === 0);
    expect((await (await session.prompt('hello')).result()).seq).toBe(1);
  });
});

test('sessions without an owner are closed: without any worker, after a release, and with a dead owner', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    const waits = await producer.session('waits').prompt('hello');
    const cancelled = waits.result().catch((error: unknown) => error);
    expect(await producer.session('waits').close()).toBe(true);
    expect(await cancelled).toMatchObject({ code: 'cancelled' });
    expect(await traces(cluster, 'waits')).toEqual([]);

    const worker = await cluster.worker({ claude: 'fake', leaseTtlMs: 1_000, env: { HEARTH_IDLE_TIMEOUT_MS: '1' } });
    await (await producer.session('released').prompt('hello')).result();
    await worker.logged(({ event }) => event === 'session.released');
    expect(await producer.session('released').close()).toBe(true);
    expect(await traces(cluster, 'released')).toEqual([]);
    // Without an owner, only the record of its folder tells the worker which one to delete.
    await eventually(async () => (await readdir(join(worker.home, 'workspaces'))).length === 0);

    const orphan = await producer.session('orphan').prompt(long);
    await begun(orphan);
    const lost = orphan.result().catch((error: unknown) => error);
    worker.signal('SIGKILL');
    await worker.exited;
    expect(await producer.session('orphan').close()).toBe(true);
    expect(await lost).toMatchObject({ code: 'cancelled' });
    expect(await traces(cluster, 'orphan')).toEqual([]);
    // A later worker finds the folder of the dead one by the record.
    const next = await cluster.worker({ claude: 'fake', env: { HEARTH_HOME: worker.home } });
    await eventually(async () => (await readdir(join(worker.home, 'workspaces'))).length === 0);
    expect(next.log.some(({ event }) => event === 'session.claimed')).toBe(false);
  });
});

test('a former owner of a deleted and reopened session changes nothing; old cursors expire, and old turnIds are new', async () => {
  await withCluster(async (cluster) => {
    const sleeper = await cluster.worker({ claude: 'fake', leaseTtlMs: 1_000 });
    const session = cluster.producer().session('s');
    const first = await session.prompt('Remember the number 1.', { turnId: 'same' });
    await first.result();
    const cursor = `${(await session.summary())?.incarnation}.1`;
    const cut = await session.prompt(long);
    await begun(cut);
    sleeper.signal('SIGSTOP');
    // Its lease ends while it is frozen; its watchdog ends its agents.
    expect(await session.close()).toBe(true);
    const other = await cluster.worker({ claude: 'fake', leaseTtlMs: 1_000 });
    const again = await session.prompt('What number did I ask you to remember?', { turnId: 'same' });
    expect(await again.result()).toMatchObject({
      seq: 1,
      workerId: other.workerId,
      text: 'You have not asked me to remember a number.',
    });
    const before = await contents(cluster, 's');
    sleeper.signal('SIGCONT');
    await sleeper.logged(({ event }) => event === 'session.lost' || event === 'lease.lost');
    // After its restart all its earlier writes have been tried, and refused.
    await sleeper.logged(({ event, workerId }) => event === 'worker.serving' && workerId !== sleeper.workerId);
    expect(await contents(cluster, 's')).toEqual(before);
    for await (const event of session.events({ after: cursor })) {
      expect(event.type).toBe('stream.expired');
      break;
    }
    expect((await (await session.prompt('hello')).result()).seq).toBe(2);
  });
});

test('a close by filter skips a session that is used before its turn comes', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', leaseTtlMs: 60_000 });
    const { workerId, workerNumber } = worker;
    const producer = cluster.producer();
    // The last in the list, behind a full batch of concurrent closes, which wait for a frozen owner.
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
    // It is idle again: its use counts.
    const usedAt = (await producer.session('a-woken').summary())?.usedAt ?? 0;
    expect(await producer.session('a-woken').close({ usedBefore: usedAt })).toBe(false);
    expect(await producer.session('a-woken').close({ usedBefore: usedAt + 1 })).toBe(true);
  });
});

test('an unused session is closed after its retention, a used one is not', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', env: { HEARTH_RETENTION_MS: '2000' } });
    const producer = cluster.producer();
    await (await producer.session('old').prompt('hello')).result();
    const inUse = producer.session('in-use');
    await (await inUse.prompt('hello')).result();
    const incarnation = (await inUse.summary())?.incarnation;
    await eventually(async () => {
      await (await inUse.prompt('hello')).result();
      return (await producer.session('old').summary()) === undefined;
    });
    // A prompt would reopen it.
    expect((await inUse.summary())?.incarnation).toBe(incarnation);
    // Its keys are deleted first, and the end of its job is not reported.
    await expect.poll(() => traces(cluster, 'old')).toEqual([]);
  });
});

test('a close whose caller died is finished by the workers', async () => {
  await withCluster(async (cluster) => {
    const retentionMs = 20_000;
    const worker = await cluster.worker({ claude: 'fake', env: { HEARTH_RETENTION_MS: String(retentionMs) } });
    const session = cluster.producer().session('s');
    await (await session.prompt('hello')).result();
    // The state after a closer that died in its first step.
    const { incarnation = '', usedAt = 0 } = (await session.summary()) ?? {};
    await cluster.lifecycle.close('s', incarnation);
    const closed = await worker.logged(({ event }) => event === 'session.retired');
    // Long before the end of its retention.
    expect(closed.time - usedAt).toBeLessThan(retentionMs);
    await expect.poll(() => traces(cluster, 's')).toEqual([]);
  });
});
