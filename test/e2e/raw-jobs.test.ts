import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { type Cluster, shortLeaseMs, withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';
import { shareCluster } from '../support/shared-cluster.js';
import { recalled, remember, slowOnce } from '../support/turns.js';

const shared = shareCluster({ claude: 'fake', profiles: { default: {}, other: { spares: 0 } } });

/** The queue `turns`, as any BullMQ client opens it. */
async function withTurns(cluster: Cluster, use: (turns: Queue) => Promise<void>): Promise<void> {
  const turns = new Queue('turns', { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
  try {
    await use(turns);
  } finally {
    await turns.close();
  }
}

const endOf = (turns: Queue, id: string | undefined): Promise<{ state: string; value: unknown; reason: string }> =>
  eventually(async () => {
    const state = await turns.getJobState(id ?? '');
    if (state !== 'completed' && state !== 'failed') return undefined;
    // A job that was read before its end lacks the outcome.
    const job = await turns.getJob(id ?? '');
    return { state, value: job?.returnvalue as unknown, reason: job?.failedReason ?? '' };
  });

test('a job of any BullMQ client is a turn of its session, and stays active until the turn commits', async () => {
  const { cluster } = shared();
  const session = shared().session();
  await (await session.prompt(remember(31))).result();
  await withTurns(cluster, async (turns) => {
    const job = await turns.add('anything', {
      sessionId: session.sessionId,
      prompt: '[[stream chunks=5 every=20ms]] What number did I ask you to remember?',
      metadata: { from: 'cron' },
    });
    for await (const event of session.events({ after: `${(await session.summary())?.incarnation}.0` })) {
      if (event.type === 'text.delta' && event.seq === 2) {
        expect(await (await turns.getJob(job.id ?? ''))?.getState()).toBe('active');
        break;
      }
    }
    expect(await endOf(turns, job.id)).toMatchObject({ state: 'completed', value: { warmth: 'hot' } });
    const last = (await session.turns()).at(-1);
    expect(last?.result).toMatchObject({
      text: recalled(31),
      metadata: { from: 'cron' },
    });
  });
});

test('a job with wrong data fails with the name of the field, is not retried, and opens no session', async () => {
  const wrong = [
    { field: 'data.prompt', data: { sessionId: 's' } },
    { field: 'data.sessionId', data: { sessionId: 'with space', prompt: 'x' } },
    { field: 'promt', data: { sessionId: 's', prompt: 'x', promt: 'y' } },
    { field: 'data.expiresIn', data: { sessionId: 's', prompt: 'x', expiresIn: 'soon' } },
    { field: 'prompt', data: { sessionId: 's', prompt: ' ' } },
    { field: 'data', data: 'no object' },
  ];
  const { cluster } = shared();
  await withTurns(cluster, async (turns) => {
    for (const { field, data } of wrong) {
      const job = await turns.add('turn', data, { attempts: 3 });
      const { state, reason } = await endOf(turns, job.id);
      const { attemptsMade } = (await turns.getJob(job.id ?? '')) ?? {};
      expect({ data, state, reason, attemptsMade }).toEqual({
        data,
        state: 'failed',
        reason: expect.stringContaining(field),
        attemptsMade: 1,
      });
    }
  });
  expect(await cluster.producer().sessions()).toEqual([]);
});

test('a failed job with attempts is not repeated by itself, and a retry by hand is a new turn', async () => {
  const { cluster } = shared();
  const session = shared().session();
  await withTurns(cluster, async (turns) => {
    const job = await turns.add(
      'turn',
      { sessionId: session.sessionId, prompt: '[[error 529 times=1]] hello' },
      { attempts: 3 },
    );
    const failing = await turns.add(
      'turn',
      { sessionId: session.sessionId, prompt: '[[usage-limit]] hello' },
      { attempts: 3 },
    );
    expect((await endOf(turns, job.id)).state).toBe('completed');
    const failed = await endOf(turns, failing.id);
    expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining('model_limit_reached') });
    expect((await session.turns()).map(({ state }) => state)).toEqual(['finished', 'failed']);

    await (await turns.getJob(failing.id ?? ''))?.retry('failed');
    await eventually(async () => (await session.turns()).length === 3);
    expect((await endOf(turns, failing.id)).state).toBe('failed');
    const [, second, third] = await session.turns();
    expect(third?.turnId).not.toBe(second?.turnId);
    expect(third?.request.prompt).toBe(second?.request.prompt);
  });
});

test('a retry of the doorbell of a prompt without a session submits it to a new session of its own', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 1, profiles: { other: {} } });
    const producer = cluster.producer();
    const turn = await producer.prompt('[[usage-limit]] hello', { turnId: 'one', profile: 'other' });
    await expect(turn.result()).rejects.toMatchObject({ code: 'model_limit_reached' });
    await withTurns(cluster, async (turns) => {
      const [job] = await eventually(async () => {
        const failed = await turns.getFailed();
        return failed.length > 0 && failed;
      });
      await job?.retry('failed');
      const again = await eventually(async () => {
        const now = await turns.getJob(job?.id ?? '');
        return now?.attemptsMade === 2 && (await now.isFailed()) && turns.getJob(job?.id ?? '');
      });
      expect(again.failedReason).toContain('model_limit_reached');
    });
    // The retry has a turnId of its own.
    const second = await producer.prompt('ignored', { turnId: 'one+1', profile: 'other' });
    expect(second.sessionId).not.toBe(turn.sessionId);
    const record = await producer.session(second.sessionId).turn('one+1');
    expect(record?.request.prompt).toBe('[[usage-limit]] hello');
    await expect.poll(() => producer.sessions()).toEqual([]);
  });
});

const bashAllowed = { default: { allowedTools: ['Bash'] } };

test.each([
  { when: 'before it would have expired', expiresIn: undefined },
  { when: 'after it would have expired', expiresIn: 3_000 },
])('an admitted job stays the same turn when its worker dies $when', async ({ expiresIn }) => {
  await withCluster(async (cluster) => {
    const settings = { claude: 'fake', leaseTtlMs: shortLeaseMs, profiles: bashAllowed } as const;
    const first = await cluster.worker(settings);
    const begun = join(await cluster.folder(), 'begun');
    await withTurns(cluster, async (turns) => {
      const data = { sessionId: 's', prompt: slowOnce(begun), onInterrupted: 'retry', expiresIn };
      const job = await turns.add('turn', data);
      await first.logged(({ event }) => event === 'job.admitted');
      await eventually(() => existsSync(begun));
      if (expiresIn !== undefined) await eventually(() => Date.now() > job.timestamp + expiresIn);
      first.signal('SIGKILL');
      await first.exited;
      await cluster.worker(settings);
      expect(await endOf(turns, job.id)).toMatchObject({ state: 'completed' });
      const all = await cluster.producer().session('s').turns();
      expect(all.map(({ state, attempts }) => [state, attempts])).toEqual([['finished', 2]]);
    });
  });
});

test('a retried job has its whole expiresIn again', async () => {
  const { cluster } = shared();
  const session = shared().session();
  await withTurns(cluster, async (turns) => {
    const job = await turns.add('turn', {
      sessionId: session.sessionId,
      prompt: '[[usage-limit]] hello',
      expiresIn: 4_000,
    });
    expect((await endOf(turns, job.id)).reason).toContain('model_limit_reached');
    await eventually(() => Date.now() > job.timestamp + 4_000);
    await (await turns.getJob(job.id ?? ''))?.retry('failed');
    await eventually(async () => (await turns.getJob(job.id ?? ''))?.attemptsMade === 2);
    expect((await endOf(turns, job.id)).reason).toContain('model_limit_reached');
    expect(await session.turns()).toHaveLength(2);
  });
});

test('a Job Scheduler submits a turn each time it is due', async () => {
  const { cluster } = shared();
  const session = shared().session();
  await withTurns(cluster, async (turns) => {
    await turns.upsertJobScheduler(
      'often',
      { every: 300 },
      { name: 'turn', data: { sessionId: session.sessionId, prompt: 'tick' } },
    );
    const ticks = await eventually(async () => {
      const done = (await session.turns()).filter(({ state }) => state === 'finished');
      return done.length >= 3 && done;
    });
    await turns.removeJobScheduler('often');
    expect(new Set(ticks.map(({ turnId }) => turnId)).size).toBe(ticks.length);
    expect(ticks.every(({ result }) => result?.text === 'Echo: tick')).toBe(true);
  });
});

test('a delayed job waits for its time, and priority orders the others', async () => {
  await withCluster(async (cluster) => {
    await withTurns(cluster, async (turns) => {
      // No worker lives yet, so that all jobs wait in the queue.
      const later = await turns.add('turn', { sessionId: 'later', prompt: 'x' }, { delay: 2_000 });
      await turns.add('turn', { sessionId: 'low', prompt: 'x' }, { priority: 10 });
      await turns.add('turn', { sessionId: 'high', prompt: 'x' }, { priority: 1 });
      await turns.add('turn', { sessionId: 'first', prompt: 'x' });
      const worker = await cluster.worker({ claude: 'fake', slots: 1 });
      const claims = await eventually(() => {
        const names = worker.log.filter(({ event }) => event === 'session.claimed').map(({ sessionId }) => sessionId);
        return names.length >= 4 && names;
      });
      expect(claims.filter((name) => name !== 'later')).toEqual(['first', 'high', 'low']);
      const done = await turns.getJob(later.id ?? '');
      expect(done?.processedOn).toBeGreaterThanOrEqual(later.timestamp + 2_000);
    });
  });
});

test('a script that knows only Redis commands and the published schema adds a turn', async () => {
  const { cluster } = shared();
  const { port } = new URL(cluster.redisUrl);
  const script = fileURLToPath(new URL('../fixtures/add-turn.mjs', import.meta.url));
  const data = JSON.stringify({ sessionId: 'from-a-shell', prompt: 'hello' });
  const { stdout } = await execa(process.execPath, [script, port, cluster.keys.options.queuePrefix, data]);
  await withTurns(cluster, async (turns) => {
    expect(await endOf(turns, stdout.trim())).toMatchObject({ state: 'completed' });
  });
  const [turn] = await cluster.producer().session('from-a-shell').turns();
  expect(turn?.result?.text).toBe('Echo: hello');
});

test('two jobs with one turnId are one turn, and both end with it', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', slots: 1 });
    await withTurns(cluster, async (turns) => {
      const data = { sessionId: 's', turnId: 'same', prompt: '[[stream chunks=10 every=100ms]] a b c d' };
      const first = await turns.add('turn', data);
      const second = await turns.add('turn', data);
      await eventually(() => worker.log.filter(({ event }) => event === 'job.admitted').length === 2);
      for (const { id } of [first, second]) expect(await endOf(turns, id)).toMatchObject({ state: 'completed' });
    });
    expect(await cluster.producer().session('s').turns()).toHaveLength(1);
    expect(await worker.stop()).toBe(0);
  });
});

test('a limit on the concurrency of turns keeps no raw job and no new session from being served', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    await withTurns(cluster, async (turns) => {
      await turns.setGlobalConcurrency(1);
      const jobs = await Promise.all(
        ['one', 'two'].map((sessionId) => turns.add('turn', { sessionId, prompt: 'hello' })),
      );
      for (const { id } of jobs) expect(await endOf(turns, id)).toMatchObject({ state: 'completed' });
      const turn = await cluster.producer().session('three').prompt('hello');
      expect(await turn.result()).toMatchObject({ text: 'Echo: hello' });
    });
  });
});

test('a job whose turn runs ends as cancelled when its session is closed, and opens no session again', async () => {
  const { cluster, worker } = shared();
  const session = shared().session();
  await withTurns(cluster, async (turns) => {
    const { id } = await turns.add('turn', { sessionId: session.sessionId, prompt: '[[hang]]' });
    await eventually(async () => (await session.turns())[0]?.state === 'running');
    const ended = worker.logged((line) => line.event === 'doorbell.failed' && line['jobId'] === id);
    expect(await session.close()).toBe(true);
    expect(await ended).toMatchObject({ code: 'cancelled' });
    // Closing a session removes the ended jobs of its turns.
    await eventually(async () => (await turns.getJobState(id ?? '')) === 'unknown');
    expect(await session.summary()).toBeUndefined();
  });
});
