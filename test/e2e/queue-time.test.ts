import type { TurnHandle } from '@hearth/producer';
import { Queue } from 'bullmq';
import { expect, onTestFinished, test, vi } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { hearth } from '../support/command.js';
import { eventually } from '../support/facts.js';
import { shareCluster } from '../support/shared-cluster.js';
import { firstEvent, recall, remember } from '../support/turns.js';

const shared = shareCluster();

const long = '[[stream chunks=10 every=300ms]] one two three four five six seven eight nine ten';

test('a turn that no worker begins in time fails as expired: without any worker, behind a running turn, without a slot', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    // Without a worker the caller that waits for the turn ends it.
    const alone = await producer.session('alone').prompt('hello', { expiresIn: 100 });
    await expect(alone.result()).rejects.toMatchObject({ code: 'expired', wayOut: expect.any(String) });

    await cluster.worker({ claude: 'fake', slots: 1 });
    const session = producer.session('busy');
    const running = await session.prompt('[[hang]]');
    await firstEvent(running, 'turn.started');
    const behind = await session.prompt('too late', { expiresIn: 200 });
    const elsewhere = await producer.session('no-slot').prompt('too late', { expiresIn: 200 });
    const patient = await session.prompt('in time', { expiresIn: 3_600_000 });
    // They end at their deadline, before a worker or a slot is free.
    for (const turn of [behind, elsewhere]) {
      await expect(turn.result()).rejects.toMatchObject({
        code: 'expired',
        result: expect.objectContaining({ attempt: 0, toolCount: 0 }),
      });
    }
    expect((await session.turns()).map(({ state }) => state)).toEqual(['running', 'failed', 'queued']);
    await session.interrupt();
    expect((await patient.result()).text).toBe('Echo: in time');
  });
});

test('cancel ends a waiting turn, by its handle or its turnId, and leaves a running one alone', async () => {
  const { cluster } = shared();
  const session = shared().session();
  const running = await session.prompt(long);
  await firstEvent(running, 'turn.started');
  const [byHandle, byId, stays] = [
    await session.prompt('one'),
    await session.prompt('two', { turnId: 'two' }),
    await session.prompt('three'),
  ];
  expect(await byHandle.cancel()).toBe('cancelled');
  expect(await cluster.producer().session(session.sessionId).cancel('two')).toBe('cancelled');
  expect(await byHandle.cancel()).toBe('cancelled');
  for (const turn of [byHandle, byId]) {
    await expect(turn.result()).rejects.toMatchObject({ code: 'cancelled' });
  }
  expect(await running.cancel()).toBe('running');
  await expect(session.cancel('never-submitted')).rejects.toMatchObject({ code: 'turn_gone' });
  expect((await running.result()).status).toBe('finished');
  expect((await stays.result()).text).toBe('Echo: three');
  expect(await stays.cancel()).toBe('ended');
  // The same turnId is the cancelled turn.
  await expect((await session.prompt('two', { turnId: 'two' })).result()).rejects.toMatchObject({
    code: 'cancelled',
  });
});

test('a delayed turn enters the log when it is due, after turns that were submitted meanwhile', async () => {
  const { cluster } = shared();
  const session = shared().session();
  const submittedAt = Date.now();
  const later = await session.prompt('later', { delay: 3_000 });
  expect(later.seq).toBeUndefined();
  expect(await session.summary()).toBeUndefined();
  const now = await session.prompt('now');
  expect((await now.result()).seq).toBe(1);
  const result = await later.result();
  expect(result).toMatchObject({ seq: 2, text: 'Echo: later', turnId: later.turnId });
  expect(later.seq).toBe(2);
  // The note of the delayed job is deleted after the turn has entered the log.
  const note = `${cluster.keys.session(session.sessionId).session}:delayed`;
  await eventually(async () => (await cluster.redis.exists(note)) === 0);
  const [, turn] = await session.turns();
  expect(turn?.submittedAt).toBeGreaterThanOrEqual(submittedAt + 3_000);
});

test.each([
  ['behind', -3_600_000],
  ['ahead', 3_600_000],
])(
  'a turn of a producer whose clock is an hour %s is delayed and expires by the clock of Redis',
  async (_, shiftMs) => {
    const session = shared().session();
    const before = await shared().cluster.store.nowMs();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + shiftMs });
    onTestFinished(() => void vi.useRealTimers());
    const turn = await session.prompt('later', { delay: 1_000, expiresIn: 60_000 });
    vi.useRealTimers();
    expect(await turn.result()).toMatchObject({ text: 'Echo: later' });
    expect((await session.turn(turn.turnId))?.submittedAt).toBeGreaterThanOrEqual(before + 1_000);
  },
);

test('cancel ends a delayed turn before it is due, also for callers that wait for it', async () => {
  const { cluster } = shared();
  const session = shared().session();
  await (await session.prompt('hello')).result();
  const later = await session.prompt('later', { delay: 60_000, turnId: 'later' });
  const byCommand = await session.prompt('later', { delay: 60_000, turnId: 'by-command' });
  const results = [later, byCommand].map((turn) => turn.result().catch((error: unknown) => error));
  const jobs = () => cluster.redis.zcard(`${cluster.keys.options.queuePrefix}:turns:delayed`);
  expect(await jobs()).toBe(2);
  expect(await later.cancel()).toBe('cancelled');
  expect(await hearth(['cancel', session.sessionId, 'by-command', '--json'], cluster.env)).toMatchObject({ code: 0 });
  for (const result of await Promise.all(results)) expect(result).toMatchObject({ code: 'cancelled' });
  expect(await jobs()).toBe(0);
});

test('a delayed turn that is refused when it is due fails with the reason, for its caller, its session and its job', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    const session = producer.session('s');
    const running = await session.prompt(long);
    const busy = await session.prompt('x', { delay: 1, turnId: 'busy', onBusy: 'reject' });
    const mismatch = await session.prompt('x', { delay: 1, turnId: 'mismatch', profile: 'other' });
    // It is due, and expires, before a worker takes it.
    const expired = await producer.session('new').prompt('x', { delay: 1, expiresIn: 1, turnId: 'expired' });
    const wait = (turn: TurnHandle): Promise<unknown> => turn.result().catch((error: unknown) => error);
    const followed = [wait(busy), wait(mismatch)];
    await cluster.worker({ claude: 'fake' });
    // A caller that waits for it would end it while no worker lives.
    await eventually(async () => (await producer.session('new').turn('expired'))?.result);
    followed.push(wait(expired));
    const codes = ['session_busy', 'profile_mismatch', 'expired'];
    expect(await Promise.all(followed)).toEqual(codes.map((code) => expect.objectContaining({ code })));
    expect((await session.turn('busy'))?.result).toMatchObject({ status: 'failed', error: { code: 'session_busy' } });
    expect((await session.turn('mismatch'))?.result).toMatchObject({ error: { code: 'profile_mismatch' } });
    expect((await producer.session('new').turn('expired'))?.result).toMatchObject({ error: { code: 'expired' } });
    expect((await running.result()).status).toBe('finished');
    const turns = new Queue('turns', { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
    // A job ends a moment after its turn.
    const reasons = async () => (await turns.getFailed()).map(({ failedReason }) => failedReason.split(':')[0]);
    await expect.poll(async () => new Set(await reasons())).toEqual(new Set(codes));
    await turns.close();
  });
});

test('a delayed turn to a session that is gone fails as session_gone', async () => {
  const { producer } = shared();
  const once = await producer.prompt('hello');
  await once.result();
  const later = await producer.session(once.sessionId).prompt('more', { delay: 1 });
  await expect(later.result()).rejects.toMatchObject({ code: 'session_gone' });
});

test('a delayed turn expires for its caller without any worker', async () => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('s');
    const turn = await session.prompt('x', { delay: 50, expiresIn: 50 });
    await expect(turn.result()).rejects.toMatchObject({ code: 'expired' });
    expect((await session.turn(turn.turnId))?.state).toBe('failed');
    const jobs = `${cluster.keys.options.queuePrefix}:turns:delayed`;
    await eventually(async () => (await cluster.redis.zcard(jobs)) === 0);
  });
});

test('priority orders the sessions that wait for a worker', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    for (const [name, priority] of [
      ['low', 20],
      ['high', 2],
      ['none', undefined],
    ] as const) {
      await producer.session(name).prompt('x', { priority });
    }
    const worker = await cluster.worker({ claude: 'fake', slots: 1 });
    const claims = await eventually(() => {
      const names = worker.log.filter(({ event }) => event === 'session.claimed').map(({ sessionId }) => sessionId);
      return names.length === 3 && names;
    });
    expect(claims).toEqual(['none', 'high', 'low']);
  });
});

test('a prompt without a session uses a spare once and leaves only its result', async () => {
  const { cluster, worker, producer } = shared();
  const turn = await producer.prompt(remember(3), { turnId: 'once' });
  const result = await turn.result();
  expect(result).toMatchObject({ warmth: 'spare', text: 'I will remember the number 3.' });
  await worker.logged(({ event, sessionId }) => event === 'session.released' && sessionId === turn.sessionId);
  expect(() => process.kill(result.pid ?? 0, 0)).toThrow();
  expect((await producer.sessions()).map(({ sessionId }) => sessionId)).not.toContain(turn.sessionId);
  // The same turnId is the same turn; another prompt gets another agent, which remembers nothing.
  expect(await (await producer.prompt('ignored', { turnId: 'once' })).result()).toMatchObject({ pid: result.pid });
  const other = await (await producer.prompt(recall)).result();
  expect(other.text).toBe('You have not asked me to remember a number.');
  await expect(producer.session(turn.sessionId).prompt('more')).rejects.toMatchObject({ code: 'session_gone' });
  // The keys that are left expire.
  const left = await cluster.redis.keys(`${cluster.keys.session(turn.sessionId).session}*`);
  expect(await Promise.all(left.map((key) => cluster.redis.pttl(key)))).toEqual(
    left.map(() => expect.toSatisfy((ttl: number) => ttl > 0)),
  );
});

test.each([
  [{ expiresIn: -1 }, 'expiresIn'],
  [{ delay: 'soon' }, 'delay'],
  [{ priority: 0 }, 'priority'],
])('refuses the prompt option %j by name', async (options, field) => {
  const { cluster } = shared();
  const attempt = cluster
    .producer()
    .session('s')
    .prompt('x', options as never);
  await expect(attempt).rejects.toMatchObject({ code: 'invalid_options', field });
});
