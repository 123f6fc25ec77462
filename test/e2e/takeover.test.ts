import { rm } from 'node:fs/promises';
import { formatChunk, readTranscript, shardOf } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';

const leaseTtlMs = 3_000;
/** The limit of the design after the end of the lease: one sweep, then a resume. A busy machine adds to each. */
const sweepMs = 1_000;
const resumeMs = 1_000;
const noiseMs = 1_500;

test.each([
  { folders: 'kept', what: 'worker 2 recalls what worker 1 was told before it was killed' },
  { folders: 'deleted', what: 'worker 2 recalls it with the folders of worker 1 deleted, too' },
])('$what', async ({ folders }) => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('told/once@Home');
    const first = await cluster.worker({ leaseTtlMs });
    const told = await (await session.prompt('Remember the number 8080.')).result();
    expect(told.workerId).toBe(first.workerId);
    const second = await cluster.worker({ leaseTtlMs });
    first.signal('SIGKILL');
    const killedAt = Date.now();
    await first.exited;
    if (folders === 'deleted') await rm(first.home, { recursive: true, force: true });
    const recall = await session.prompt('What number did I ask you to remember?');
    await eventually(async () => !(await cluster.leases.lives(first.workerId)));
    const leaseGoneAt = Date.now();
    const recalled = await recall.result();
    const servedAt = Date.now();
    expect(recalled.text).toBe('You asked me to remember the number 8080.');
    expect(recalled).toMatchObject({
      workerId: second.workerId,
      warmth: 'resumed',
      claudeSessionId: told.claudeSessionId,
      seq: 2,
    });
    const claimed = await second.logged((line) => line.event === 'session.claimed');
    expect(leaseGoneAt - killedAt).toBeLessThan(leaseTtlMs + noiseMs);
    expect(claimed.time - leaseGoneAt).toBeLessThan(sweepMs + noiseMs);
    expect(servedAt - claimed.time).toBeLessThan(resumeMs + noiseMs);
    const again = await (await session.prompt('What number did I ask you to remember?')).result();
    expect(again).toMatchObject({ warmth: 'hot', pid: recalled.pid, text: recalled.text });
  });
});

test('a session whose owner died while it was idle is served at its next prompt, without a sweep', async () => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('s');
    const busy = cluster.producer().session(lookedAtAfter('s'));
    const first = await cluster.worker({ claude: 'fake', leaseTtlMs });
    await (await session.prompt('Remember the number 7.')).result();
    const running = await busy.prompt('[[hang]]');
    for await (const event of running) if (event.type === 'turn.started') break;
    const second = await cluster.worker({ claude: 'fake', leaseTtlMs });
    first.signal('SIGKILL');
    // Then the sweep after the dead worker has passed the session.
    await second.logged(({ event, sessionId }) => event === 'session.claimed' && sessionId === busy.sessionId);
    expect(await (await session.prompt('What number did I ask you to remember?')).result()).toMatchObject({
      text: 'You asked me to remember the number 7.',
      workerId: second.workerId,
    });
    expect(second.log.filter(({ event, sessionId }) => event === 'turn.rung_again' && sessionId === 's')).toEqual([]);
    await busy.interrupt();
  });
});

/** A session whose shard is swept well after that of another: shards are read in order, several at a time. */
function lookedAtAfter(sessionId: string): string {
  for (let at = 0; ; at += 1) if (shardOf(`busy-${at}`) >= shardOf(sessionId) + 64) return `busy-${at}`;
}

test('a transcript with a damaged end is cut back to its valid part, and the log reports it', async () => {
  await withCluster(async (cluster) => {
    const first = await cluster.worker();
    const session = cluster.producer().session('damaged');
    await (await session.prompt('Remember the number 18.')).result();
    await (await session.prompt('[[tool Bash {"command":"echo tool"}]] go')).result();
    await first.stop();
    const keys = cluster.keys.session('damaged');
    await cluster.redis.rpush(keys.transcript, formatChunk('main', '{"type":"assistant","uuid":"torn'));
    await cluster.redis.hincrby(keys.session, 'transcript', 1);

    const second = await cluster.worker();
    const turn = await session.prompt('What number did I ask you to remember?');
    const statuses: string[] = [];
    for await (const event of turn) if (event.type === 'status') statuses.push(event.status);
    expect(statuses).toContain('transcript damaged: 1 lines cut');
    expect(await turn.result()).toMatchObject({ warmth: 'resumed', text: 'You asked me to remember the number 18.' });
    // The entries of Claude itself are valid: none of them was cut.
    expect(second.log.find(({ event }) => event === 'transcript.repaired')).toMatchObject({ lines: 1 });
  });
});

test('a session moves when its worker is drained, and remembers', async () => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('moves');
    const first = await cluster.worker();
    await (await session.prompt('Remember the number 12.')).result();
    const second = await cluster.worker();
    const running = await session.prompt('[[stream chunks=10 every=50ms]] a b c d e f g h i j k l m n o p');
    const waiting = await session.prompt('What number did I ask you to remember?');
    for await (const event of running) if (event.type === 'text.delta') break;
    const code = first.stop();
    expect((await running.result()).workerId).toBe(first.workerId);
    expect(await waiting.result()).toMatchObject({
      workerId: second.workerId,
      warmth: 'resumed',
      text: 'You asked me to remember the number 12.',
    });
    expect(await code).toBe(0);
  });
});

test('a turn that outlasts the drain is interrupted and repeated by the next owner; the worker reports it', async () => {
  await withCluster(async (cluster) => {
    const first = await cluster.worker({ claude: 'fake', env: { HEARTH_DRAIN_DEADLINE_MS: '200' } });
    const session = cluster.producer().session('s');
    const turn = await session.prompt('[[stream chunks=30 every=100ms]] one two three four five six seven eight');
    const types: string[] = [];
    for await (const event of turn) {
      types.push(event.type);
      if (event.type === 'text.delta' && !first.isGone()) {
        expect(await first.stop()).toBe(1);
        await cluster.worker({ claude: 'fake' });
      }
    }
    expect(types.filter((type) => type.startsWith('turn.'))).toEqual([
      'turn.queued',
      'turn.started',
      'turn.restarted',
      'turn.started',
      'turn.finished',
    ]);
    expect(await turn.result()).toMatchObject({ attempt: 2, text: 'Echo: one two three four five six seven eight' });
  });
});

test('an agent that dies in mid-turn is replaced, and its turn is repeated when no tool with side effects had started', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker();
    const session = cluster.producer().session('crash');
    const told = await (await session.prompt('Remember the number 5.')).result();
    const turn = await session.prompt('[[stream chunks=20 every=30ms]] What number did I ask you to remember?');
    const seen: string[] = [];
    for await (const event of turn) {
      if (event.type === 'turn.started' && seen.includes(event.type)) expect(event.attempt).toBe(2);
      seen.push(event.type);
      if (event.type === 'text.delta' && !seen.includes('turn.restarted') && told.pid !== undefined) killOnce(told.pid);
    }
    expect(seen).toContain('turn.restarted');
    const result = await turn.result();
    expect(result).toMatchObject({ attempt: 2, warmth: 'resumed', text: 'You asked me to remember the number 5.' });
    expect(result.pid).not.toBe(told.pid);
  });
});

test('a turn that was cut after a tool with side effects fails as interrupted, and the next prompt is told', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ profiles: { default: { allowedTools: ['Bash'] } } });
    const session = cluster.producer().session('cut');
    const told = await (await session.prompt('Remember the number 5.')).result();
    const turn = await session.prompt(
      '[[tool Bash {"command":"echo once; for i in $(seq 1 300); do sleep 0.1; done"}]]',
    );
    for await (const event of turn) if (event.type === 'tool.started' && told.pid !== undefined) killOnce(told.pid);
    await expect(turn.result()).rejects.toMatchObject({
      code: 'interrupted',
      message: expect.stringContaining('Bash'),
    });
    const next = await (await session.prompt('hello')).result();
    expect(next.text).toContain('was cut off');
    expect(next.text).toContain('Bash');
    // Told once, and the conversation before the cut is still there.
    expect((await (await session.prompt('hello')).result()).text).toBe('Echo: hello');
    const recalled = await (await session.prompt('What number did I ask you to remember?')).result();
    expect(recalled.text).toBe('You asked me to remember the number 5.');
  });
});

test('a turn whose agent dies three times fails as agent_crashed, and the next turn gets a new agent', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker();
    const session = cluster.producer().session('deadly');
    await (await session.prompt('Remember the number 6.')).result();
    const turn = await session.prompt(
      '[[stream chunks=50 every=50ms]] a b c d e f g h i j k l m n o p q r s t u v w x y z',
    );
    const attempts: number[] = [];
    for await (const event of turn) {
      if (event.type !== 'turn.started' || event.pid === undefined) continue;
      attempts.push(event.attempt);
      killOnce(event.pid);
    }
    expect(attempts).toEqual([1, 2, 3]);
    await expect(turn.result()).rejects.toMatchObject({ code: 'agent_crashed', wayOut: expect.any(String) });
    const recalled = await (await session.prompt('What number did I ask you to remember?')).result();
    expect(recalled).toMatchObject({ warmth: 'resumed', text: 'You asked me to remember the number 6.' });
  });
});

test('agent_crashed contains the last stderr output of the agent', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const turn = await cluster.producer().session('s').prompt('[[stderr 70B]] [[crash before code=7]] hello');
    await expect(turn.result()).rejects.toMatchObject({
      code: 'agent_crashed',
      message: expect.stringMatching(/died 3 times .* Its last output on stderr: stderr .*stderr$/),
    });
  });
});

test("a turn with onInterrupted 'retry' is repeated although one of its tools had started", async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ profiles: { default: { allowedTools: ['Bash'] } } });
    const session = cluster.producer().session('again');
    const turn = await session.prompt('[[tool Bash {"command":"echo done"}]] [[stream chunks=9 every=20ms]] go', {
      onInterrupted: 'retry',
    });
    let attempt = 0;
    let pid = 0;
    for await (const event of turn) {
      if (event.type === 'turn.started') ({ attempt, pid = 0 } = event);
      if (event.type === 'tool.started' && attempt === 1) killOnce(pid);
    }
    expect(await turn.result()).toMatchObject({ attempt: 2, text: 'The tools answered: done' });
  });
});

test('after two takeovers in a row, each in mid-turn, the third owner resumes from committed turns only', async () => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('twice');
    await cluster.worker({ leaseTtlMs: 1_000 });
    await (await session.prompt('Remember the number 21.')).result();
    const cut = 'What number did I ask you to remember? one two three four five six seven eight nine ten';
    const turn = await session.prompt(`[[stream chunks=20 every=100ms]] ${cut}`);
    const owners: string[] = [];
    let heard = '';
    for await (const event of turn) {
      if (event.type === 'turn.started') owners.push(event.workerId);
      if (event.type === 'turn.started' || event.type === 'turn.restarted') heard = '';
      if (event.type !== 'text.delta' || owners.length === 3) continue;
      heard += event.text;
      const owner = cluster.workers.find(({ workerId }) => workerId === owners.at(-1));
      // In mid-answer: half of it is already in the transcript.
      if (heard.length > 10 && owner !== undefined && !owner.isGone()) {
        owner.signal('SIGKILL');
        await owner.exited;
        await cluster.worker({ leaseTtlMs: 1_000 });
      }
    }
    expect(new Set(owners).size).toBe(3);
    expect(await turn.result()).toMatchObject({ attempt: 3, text: 'You asked me to remember the number 21.' });
    const past = await readTranscript(cluster.store, 'twice', 10_000);
    const asked = (past.get('main') ?? '').split('\n').filter((line) => line.includes('"type":"user"'));
    expect(asked).toHaveLength(2);
    expect(asked[0]).toContain('Remember the number 21.');
    expect(asked[1]).toContain('seven eight nine ten');
  });
});

const killed = new Set<number>();

function killOnce(pid: number): void {
  if (killed.has(pid)) return;
  killed.add(pid);
  process.kill(pid, 'SIGKILL');
}
