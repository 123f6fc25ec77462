import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { HearthEvent, TurnHandle } from '@hearth/producer';
import { ControlRequests } from '@hearth/shared/internal';
import { describe, expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';
import { deafStore } from '../support/deaf.js';
import { eventually } from '../support/facts.js';
import { shareCluster } from '../support/shared-cluster.js';
import { bash, eventsOf, recall, recalled, remember, spoken } from '../support/turns.js';

const shared = shareCluster({ claude: 'fake', profiles: { default: { allowedTools: ['Bash'] } } });

const long = '[[stream chunks=40 every=250ms]] one two three four five six seven eight nine ten eleven twelve';

/** Resolves when the turn has streamed so many pieces of text. */
async function speaks(turn: TurnHandle, pieces = 1): Promise<void> {
  let said = 0;
  for await (const event of turn) {
    if (event.type === 'text.delta') said += 1;
    if (said === pieces) return;
  }
}

const types = (events: readonly { type: string }[]): string[] => events.map(({ type }) => type);
const stopped = { kind: 'interrupted', result: { status: 'failed', error: { code: 'interrupted' } } };

test('an interrupt of the real CLI keeps what the turn said, and its agent goes on with the next turn', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ slots: 1 });
    const session = cluster.producer().session('s');
    const before = await (await session.prompt(remember(12))).result();
    const turn = await session.prompt(long);
    await speaks(turn);
    const outcome = await session.interrupt();
    expect(outcome).toMatchObject(stopped);
    const events = await eventsOf(turn);
    expect(types(events)).toContain('turn.interrupting');
    expect(events.at(-1)).toMatchObject({ type: 'turn.failed', error: { code: 'interrupted' } });
    expect(outcome).toHaveProperty('result.text', spoken(events));
    const after = await (await session.prompt(recall)).result();
    expect(after).toMatchObject({ pid: before.pid, warmth: 'hot', text: recalled(12) });
    expect(await session.interrupt()).toEqual({ kind: 'idle' });
    expect(await session.interrupt({ turnId: turn.turnId })).toMatchObject({ kind: 'ended' });
    await expect(session.interrupt({ turnId: 'unknown' })).rejects.toMatchObject({ code: 'turn_gone' });
  });
});

test('an interrupt stops the running tool with its turn', async () => {
  const { cluster } = shared();
  const session = shared().session();
  const folder = await cluster.folder();
  const command = `touch ${join(folder, 'began')}; sleep 30; touch ${join(folder, 'ended')}`;
  const turn = await session.prompt(bash(command));
  await eventually(() => existsSync(join(folder, 'began')));
  expect(await session.interrupt()).toMatchObject(stopped);
  await expect(turn.result()).rejects.toMatchObject({ code: 'interrupted', result: { toolCount: 1 } });
  expect((await (await session.prompt('hello')).result()).warmth).toBe('hot');
  expect(existsSync(join(folder, 'ended'))).toBe(false);
});

describe('the result of an interrupted agent', () => {
  test('ends no later turn when it comes late', async () => {
    const session = shared().session();
    const turn = await session.prompt(`[[late-result 400ms]] ${long}`);
    await speaks(turn);
    const next = await session.prompt('and now?');
    expect(await session.interrupt()).toMatchObject(stopped);
    const events = await eventsOf(next);
    expect(events.at(-1)).toMatchObject({ type: 'turn.finished', result: { text: 'Echo: and now?', warmth: 'hot' } });
    expect(types(events).filter((type) => type === 'message')).toHaveLength(1);
  });

  test('ends no later turn when it comes twice', async () => {
    const session = shared().session();
    await (await session.prompt('[[second-result after=50ms]] first')).result();
    await shared().logged(session, 'agent.stray_result');
    expect((await (await session.prompt('second')).result()).text).toBe('Echo: second');
  });

  test('never comes, so that the agent is ended and the session resumes', async () => {
    const session = shared().session();
    await (await session.prompt(remember(5))).result();
    const turn = await session.prompt('[[stall after=3]] [[stream chunks=6 every=1ms]] so it begins and says no more');
    // The stall begins after the third piece.
    await speaks(turn, 3);
    const outcome = await session.interrupt();
    expect(outcome).toMatchObject(stopped);
    expect(outcome).toHaveProperty('result.text', spoken(await eventsOf(turn)));
    const after = await (await session.prompt(recall)).result();
    expect(after).toMatchObject({ warmth: 'resumed', text: recalled(5) });
  });
});

test('an interrupt of a waiting turn ends it at once, with a worker or without', async () => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('s');
    const alone = await session.prompt('hello');
    expect(await session.interrupt()).toMatchObject(stopped);
    await expect(alone.result()).rejects.toMatchObject({ code: 'interrupted' });

    await cluster.worker({ claude: 'fake', slots: 1 });
    const running = await session.prompt(long);
    await speaks(running);
    const waits = await session.prompt('waits');
    expect(await session.interrupt({ turnId: waits.turnId })).toMatchObject(stopped);
    expect(await running.cancel()).toBe('running');
    expect(await session.interrupt()).toMatchObject(stopped);
  });
});

test('an interrupt survives a takeover and hits no later turn', async () => {
  await withCluster(async (cluster) => {
    const first = await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const session = cluster.producer().session('s');
    const turn = await session.prompt(long);
    const later = await session.prompt('later');
    await speaks(turn);
    first.signal('SIGSTOP');
    await expect(session.interrupt({ deadlineMs: 100 })).rejects.toMatchObject({ code: 'owner_unreachable' });
    first.signal('SIGKILL');
    await first.exited;
    await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    await expect(turn.result()).rejects.toMatchObject({ code: 'interrupted', result: { attempt: 1 } });
    expect((await later.result()).text).toBe('Echo: later');
  });
});

test('the owner finds an interrupt whose message was lost', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const session = cluster.producer().session('s');
    const turn = await session.prompt(long);
    await speaks(turn);
    expect(await new ControlRequests(deafStore(cluster)).interrupt('s', 1)).toMatchObject({
      kind: 'stored',
      isBegun: true,
    });
    await expect(turn.result()).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('a busy session', () => {
  test('refuses a turn with onBusy: reject', async () => {
    const session = shared().session();
    const turn = await session.prompt(long, { turnId: 'first' });
    await expect(session.prompt('now', { onBusy: 'reject' })).rejects.toMatchObject({
      code: 'session_busy',
      wayOut: expect.stringContaining('onBusy'),
    });
    // A repeated submit of the running turn is not another turn.
    expect((await session.prompt(long, { turnId: 'first', onBusy: 'reject' })).seq).toBe(turn.seq);
    await session.interrupt();
    expect((await (await session.prompt('now', { onBusy: 'reject' })).result()).text).toBe('Echo: now');
  });

  test('interrupts its turn for one with onBusy: interrupt, which runs before those that wait', async () => {
    const session = shared().session();
    const running = await session.prompt(long);
    const [one, two] = [await session.prompt('one'), await session.prompt('two')];
    await speaks(running);
    const urgent = await session.prompt('urgent', { onBusy: 'interrupt' });
    const sooner = await session.prompt('sooner', { onBusy: 'interrupt' });
    const ended: HearthEvent['type'][] = [];
    const order: (number | undefined)[] = [];
    for await (const event of session.events({ after: `${(await session.summary())?.incarnation}.0` })) {
      if (event.type !== 'turn.finished' && event.type !== 'turn.failed') continue;
      ended.push(event.type);
      order.push(event.seq);
      if (order.length === 5) break;
    }
    // The second one precedes the first, or interrupts it if a worker has begun it.
    expect(order[0]).toBe(running.seq);
    expect(ended[0]).toBe('turn.failed');
    expect(order.slice(-2)).toEqual([one.seq, two.seq]);
    expect(new Set(order)).toEqual(new Set([running, one, two, urgent, sooner].map(({ seq }) => seq)));
    expect((await sooner.result()).text).toBe('Echo: sooner');
  });
});

describe('a warm session', () => {
  test('has its agent before its first prompt, and resumes after its worker stopped', async () => {
    await withCluster(async (cluster) => {
      await cluster.worker({ claude: 'fake', slots: 1 });
      const session = cluster.producer().session('s');
      const warmed = await session.warm();
      expect(warmed).toMatchObject({ workerId: cluster.workers[0]?.workerId, warmth: 'spare' });
      expect(await session.summary()).toMatchObject({ state: 'idle', turns: 0, waiting: 0 });
      expect(await (await session.prompt(remember(8))).result()).toMatchObject({
        pid: warmed.pid,
        seq: 1,
      });
      expect(await session.warm()).toMatchObject({ pid: warmed.pid, warmth: 'hot' });
      await cluster.workers[0]?.stop();
      expect((await session.summary())?.state).toBe('asleep');
      await cluster.worker({ claude: 'fake', slots: 1 });
      const again = await session.warm();
      expect(again.warmth).toBe('resumed');
      expect(await (await session.prompt(recall)).result()).toMatchObject({ pid: again.pid, text: recalled(8) });
      expect(await session.close()).toBe(true);
    });
  });

  test('is refused with the reason', async () => {
    await withCluster(async (cluster) => {
      const session = cluster.producer().session('s');
      await expect(session.warm({ deadlineMs: 50 })).rejects.toMatchObject({ code: 'owner_unreachable' });
      await cluster.worker({ claude: 'fake', env: { HEARTH_CLAUDE_PATH: '/nowhere/claude' } });
      await expect(cluster.producer().session('t').warm()).rejects.toMatchObject({ code: 'claude_not_found' });
      await expect(session.warm({ profile: 'other' })).rejects.toMatchObject({ code: 'profile_mismatch' });
    });
  });
});

test('a failed doorbell that is retried submits its prompt again, as the next turn', async () => {
  const { cluster } = shared();
  const session = shared().session();
  const turn = await session.prompt('[[error 400]] hello', { turnId: 'once' });
  await expect(turn.result()).rejects.toMatchObject({ code: 'prompt_refused' });
  const { Queue } = await import('bullmq');
  const turns = new Queue('turns', { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
  try {
    const job = await eventually(async () => (await turns.getFailed())[0]);
    expect(job.data).toMatchObject({ sessionId: session.sessionId, seq: 1, preview: '[[error 400]] hello' });
    await job.retry('failed');
    await eventually(async () => (await session.turns()).length === 2 && (await turns.getFailed()).length === 1);
    expect(await session.turns()).toMatchObject([
      { turnId: 'once', state: 'failed' },
      { turnId: 'once+1', request: { prompt: '[[error 400]] hello' } },
    ]);
    await eventually(async () => (await session.turn(2))?.state === 'failed');
  } finally {
    await turns.close();
  }
});
