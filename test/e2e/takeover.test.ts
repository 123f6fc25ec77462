import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatChunk, readTranscript, shardOf } from '@hearth/shared/internal';
import { describe, expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';
import { shareCluster } from '../support/shared-cluster.js';
import { bash, eventsOf, firstEvent, recall, recalled, remember, slowOnce } from '../support/turns.js';

test.each([
  { folders: 'kept', claude: 'fake' },
  { folders: 'deleted', claude: undefined },
] as const)(
  'a session remembers after its worker was killed, with its folders $folders',
  async ({ folders, claude }) => {
    await withCluster(async (cluster) => {
      const settings = { leaseTtlMs: shortLeaseMs, ...(claude === undefined ? {} : { claude }) };
      const session = cluster.producer().session('told/once@Home');
      const first = await cluster.worker(settings);
      const told = await (await session.prompt(remember(8080))).result();
      expect(told.workerId).toBe(first.workerId);
      const second = await cluster.worker(settings);
      first.signal('SIGKILL');
      await first.exited;
      if (folders === 'deleted') await rm(first.home, { recursive: true, force: true });
      const again = await (await session.prompt(recall)).result();
      expect(again).toMatchObject({
        text: recalled(8080),
        workerId: second.workerId,
        warmth: 'resumed',
        claudeSessionId: told.claudeSessionId,
        seq: 2,
      });
      // The claim needs a new fence and a dead owner. How long it takes, the fault suite and the benchmark show.
      expect(await second.logged(({ event }) => event === 'session.claimed')).toMatchObject({
        fence: expect.stringMatching(/^2\./),
      });
      expect(await cluster.leases.lives(first.workerId)).toBe(false);
      const hot = await (await session.prompt(recall)).result();
      expect(hot).toMatchObject({ warmth: 'hot', pid: again.pid, text: recalled(8080) });
    });
  },
);

test('a prompt to an idle session whose owner died is served before any sweep finds it', async () => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('s');
    const busy = cluster.producer().session(sweptAfter('s'));
    const first = await cluster.worker({ claude: 'fake', leaseTtlMs: shortLeaseMs });
    await (await session.prompt(remember(7))).result();
    await firstEvent(await busy.prompt('[[hang]]'), 'turn.started');
    const second = await cluster.worker({ claude: 'fake', leaseTtlMs: shortLeaseMs });
    first.signal('SIGKILL');
    // The sweep of the dead worker's sessions has passed this one by then.
    await second.logged(({ event, sessionId }) => event === 'session.claimed' && sessionId === busy.sessionId);
    expect(await (await session.prompt(recall)).result()).toMatchObject({
      text: recalled(7),
      workerId: second.workerId,
    });
    expect(second.log.filter(({ event, sessionId }) => event === 'turn.rung_again' && sessionId === 's')).toEqual([]);
    await busy.interrupt();
  });
});

/** A session whose shard is swept well after that of another: a sweep asks for shards in their order, some at once. */
function sweptAfter(sessionId: string): string {
  for (let at = 0; ; at += 1) if (shardOf(`busy-${at}`) >= shardOf(sessionId) + 64) return `busy-${at}`;
}

test('a transcript with a damaged end is cut to its last whole line, and a status event says so', async () => {
  await withCluster(async (cluster) => {
    const first = await cluster.worker({ claude: 'fake', slots: 1 });
    const session = cluster.producer().session('damaged');
    await (await session.prompt(remember(18))).result();
    await (await session.prompt(bash('echo tool'))).result();
    await first.stop();
    const keys = cluster.keys.session('damaged');
    await cluster.redis.rpush(keys.transcript, formatChunk('main', '{"type":"assistant","uuid":"torn'));
    await cluster.redis.hincrby(keys.session, 'transcript', 1);

    const second = await cluster.worker({ claude: 'fake', slots: 1 });
    const turn = await session.prompt(recall);
    const statuses: string[] = [];
    for await (const event of turn) if (event.type === 'status') statuses.push(event.status);
    expect(statuses).toContain('transcript damaged: 1 lines cut');
    expect(await turn.result()).toMatchObject({ warmth: 'resumed', text: recalled(18) });
    // Only the damaged line was cut.
    expect(second.log.find(({ event }) => event === 'transcript.repaired')).toMatchObject({ lines: 1 });
  });
});

test('a drained worker hands its session over, and the session remembers', async () => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('moves');
    const first = await cluster.worker({ claude: 'fake', slots: 1 });
    await (await session.prompt(remember(12))).result();
    const second = await cluster.worker({ claude: 'fake', slots: 1 });
    const running = await session.prompt('[[stream chunks=10 every=200ms]] a b c d e f g h i j k l m n o p');
    const waiting = await session.prompt(recall);
    await firstEvent(running, 'text.delta');
    const code = first.stop();
    expect((await running.result()).workerId).toBe(first.workerId);
    expect(await waiting.result()).toMatchObject({
      workerId: second.workerId,
      warmth: 'resumed',
      text: recalled(12),
    });
    expect(await code).toBe(0);
  });
});

test('a turn that outlasts the drain is stopped and run again by the next owner, and the exit code is 1', async () => {
  await withCluster(async (cluster) => {
    const first = await cluster.worker({ claude: 'fake', slots: 1, env: { HEARTH_DRAIN_DEADLINE_MS: '200' } });
    const session = cluster.producer().session('s');
    const turn = await session.prompt('[[stream chunks=30 every=100ms]] one two three four five six seven eight');
    const types: string[] = [];
    for await (const event of turn) {
      types.push(event.type);
      if (event.type === 'text.delta' && !first.isGone()) {
        expect(await first.stop()).toBe(1);
        await cluster.worker({ claude: 'fake', slots: 1 });
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

test('the third owner of a turn that was cut off twice resumes from committed turns only', async () => {
  await withCluster(async (cluster) => {
    const session = cluster.producer().session('twice');
    await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    await (await session.prompt(remember(21))).result();
    const cut = 'What number did I ask you to remember? one two three four five six seven eight nine ten';
    const turn = await session.prompt(`[[stream chunks=20 every=200ms]] ${cut}`);
    const owners: string[] = [];
    let heard = '';
    for await (const event of turn) {
      if (event.type === 'turn.started') owners.push(event.workerId);
      if (event.type === 'turn.started' || event.type === 'turn.restarted') heard = '';
      if (event.type !== 'text.delta' || owners.length === 3) continue;
      heard += event.text;
      const owner = cluster.workers.find(({ workerId }) => workerId === owners.at(-1));
      // Half of the answer is in the transcript by now.
      if (heard.length > 10 && owner !== undefined && !owner.isGone()) {
        owner.signal('SIGKILL');
        await owner.exited;
        await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
      }
    }
    expect(new Set(owners).size).toBe(3);
    expect(await turn.result()).toMatchObject({ attempt: 3, text: recalled(21) });
    const past = await readTranscript(cluster.store, 'twice', 10_000);
    const asked = (past.get('main') ?? '').split('\n').filter((line) => line.includes('"type":"user"'));
    expect(asked).toHaveLength(2);
    expect(asked[0]).toContain(remember(21));
    expect(asked[1]).toContain('seven eight nine ten');
  });
});

describe('an agent that dies', () => {
  // There the stand-ins count how often each hazard has struck.
  const env = { FAKE_CLAUDE_STATE: mkdtempSync(join(tmpdir(), 'hearth-test-')) };
  const shared = shareCluster({ claude: 'fake', profiles: { default: { allowedTools: ['Bash'], env } } });

  test('is replaced, and its turn runs again when no tool had changed anything', async () => {
    const session = shared().session();
    const told = await (await session.prompt(remember(5))).result();
    const turn = await session.prompt(`[[crash during times=1]] ${recall}`);
    const result = await turn.result();
    expect(result).toMatchObject({ attempt: 2, warmth: 'resumed', text: recalled(5) });
    expect(result.pid).not.toBe(told.pid);
    const events = await eventsOf(turn);
    expect(events.map(({ type }) => type)).toContain('turn.restarted');
    expect(events.flatMap((event) => (event.type === 'turn.started' ? [event.attempt] : []))).toEqual([1, 2]);
  });

  test('fails its turn as interrupted after a tool that changes things, and the next prompt names the tool', async () => {
    const session = shared().session();
    const told = await (await session.prompt(remember(5))).result();
    const turn = await session.prompt(bash('echo once; for i in $(seq 1 300); do sleep 0.1; done'));
    await firstEvent(turn, 'tool.started');
    process.kill(told.pid ?? 0, 'SIGKILL');
    await expect(turn.result()).rejects.toMatchObject({
      code: 'interrupted',
      message: expect.stringContaining('Bash'),
    });
    const next = await (await session.prompt('hello')).result();
    expect(next.text).toContain('was cut off');
    expect(next.text).toContain('Bash');
    // Only the next prompt names it, and the conversation before the cut is still there.
    expect((await (await session.prompt('hello')).result()).text).toBe('Echo: hello');
    expect((await (await session.prompt(recall)).result()).text).toBe(recalled(5));
  });

  test('fails its turn as agent_crashed at the third time, and the next turn gets a new agent', async () => {
    const session = shared().session();
    await (await session.prompt(remember(6))).result();
    const turn = await session.prompt('[[stderr 70B]] [[crash before code=7]] hello');
    await expect(turn.result()).rejects.toMatchObject({
      code: 'agent_crashed',
      message: expect.stringMatching(/died 3 times .* Its last output on stderr: stderr .*stderr$/),
      wayOut: expect.any(String),
    });
    const events = await eventsOf(turn);
    expect(events.flatMap((event) => (event.type === 'turn.started' ? [event.attempt] : []))).toEqual([1, 2, 3]);
    expect(await (await session.prompt(recall)).result()).toMatchObject({ warmth: 'resumed', text: recalled(6) });
  });

  test("has its turn run again after a tool with onInterrupted: 'retry'", async () => {
    const session = shared().session();
    const begun = join(await shared().cluster.folder(), 'begun');
    const turn = await session.prompt(slowOnce(begun), { onInterrupted: 'retry' });
    const { pid = 0 } = await firstEvent(turn, 'turn.started');
    await firstEvent(turn, 'tool.started');
    await eventually(() => existsSync(begun));
    process.kill(pid, 'SIGKILL');
    expect(await turn.result()).toMatchObject({ attempt: 2, text: 'The tools answered: done' });
  });
});
