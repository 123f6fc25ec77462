import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PermissionRequest, Session } from '@hearth/producer';
import { ControlRequests } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';
import { deafStore } from '../support/deaf.js';
import { eventually } from '../support/facts.js';
import { type SharedCluster, shareCluster } from '../support/shared-cluster.js';
import { bash, firstEvent, tool } from '../support/turns.js';

/** The request that waits, as a caller who answers reads it. */
const waiting = (session: Session): Promise<PermissionRequest> =>
  eventually(async () => (await session.permissions())[0]);

/** The profiles differ in what happens to an unanswered request. */
const profiles = {
  default: {},
  deadline: { spares: 0, permissionDeadlineMs: 300 },
  unwatched: { spares: 0, permissionUnwatched: 'deny' },
};

/** A session, and a file that no tool has made yet. */
async function scene(shared: SharedCluster): Promise<{ session: Session; file: string }> {
  return { session: shared.session(), file: join(await shared.cluster.folder(), 'made') };
}

describe('with the real CLI', () => {
  const shared = shareCluster({ profiles });

  test('a request is an event and a record, and an allowed tool runs', async () => {
    const { session, file } = await scene(shared());
    const turn = await session.prompt(bash(`touch ${file}`));
    const asked = await firstEvent(turn, 'permission.requested');
    expect(asked).toMatchObject({ name: 'Bash', input: { command: `touch ${file}` }, seq: 1 });
    const [request] = await session.permissions();
    expect(request).toMatchObject({ requestId: asked.requestId, name: 'Bash', expiresAt: asked.expiresAt });
    expect(existsSync(file)).toBe(false);
    await session.answer(asked.requestId, { decision: 'allow' });
    expect(await firstEvent(turn, 'permission.resolved')).toMatchObject({ decision: 'allow', by: 'answer' });
    const result = await turn.result();
    expect(result.timings.askedMs).toBeGreaterThan(0);
    expect(existsSync(file)).toBe(true);
    expect(await session.permissions()).toEqual([]);
  });

  test('a tool that a suggestion of the agent allowed is not asked for again', async () => {
    const { session, file } = await scene(shared());
    const turn = await session.prompt(`${tool('Bash', { command: `touch ${file}` })} ${bash(`touch ${file}`)}`);
    const { requestId, suggestions } = await firstEvent(turn, 'permission.requested');
    expect(suggestions.length).toBeGreaterThan(0);
    await expect(session.answer(requestId, { decision: 'allow', suggestions: [99] })).rejects.toMatchObject({
      code: 'invalid_answer',
      field: 'answer.suggestions',
    });
    await session.answer(requestId, { decision: 'allow', suggestions: suggestions.map((_, at) => at) });
    const result = await turn.result();
    expect(result.toolCount).toBe(2);
    const asked = [];
    for await (const event of turn) if (event.type === 'permission.requested') asked.push(event);
    expect(asked).toHaveLength(1);
  });

  test('a question of Claude takes its answers in the input', async () => {
    const session = shared().session();
    const questions = [
      {
        question: 'Which colour?',
        header: 'Colour',
        multiSelect: false,
        options: [
          { label: 'Red', description: 'r' },
          { label: 'Blue', description: 'b' },
        ],
      },
    ];
    const turn = await session.prompt(tool('AskUserQuestion', { questions }));
    const asked = await firstEvent(turn, 'permission.requested');
    expect(asked).toMatchObject({ name: 'AskUserQuestion', input: { questions } });
    await session.answer(asked.requestId, {
      decision: 'allow',
      input: { questions, answers: { 'Which colour?': 'Blue' } },
    });
    expect(await firstEvent(turn, 'tool.ended')).toMatchObject({ ok: true, summary: expect.stringContaining('Blue') });
    await turn.result();
  });

  test('requests that wait side by side are answered in any order', async () => {
    const { cluster } = shared();
    const session = shared().session();
    // Only reading tools run side by side, and only those outside of the session's folder need a permission.
    const folder = await cluster.folder();
    const files = ['a', 'b'].map((name) => join(folder, name));
    for (const file of files) await writeFile(file, `text of ${file}`);
    const tools = files.map((file) => tool('Read', { file_path: file }, '')).join(' ');
    const turn = await session.prompt(`[[parallel]] ${tools} go`);
    const [one, other] = await eventually(async () => {
      const open = await session.permissions();
      return open.length === 2 && open;
    });
    expect([one?.input, other?.input]).toMatchObject(files.map((file) => ({ file_path: file })));
    await session.answer(other?.requestId ?? '', { decision: 'allow' });
    // The answered tool ends while the other one still waits.
    expect((await firstEvent(turn, 'tool.ended')).toolUseId).toBe(other?.toolUseId);
    expect((await session.permissions()).map(({ requestId }) => requestId)).toEqual([one?.requestId]);
    await session.answer(one?.requestId ?? '', { decision: 'allow' });
    expect((await turn.result()).text).toContain(`text of ${files[0]}`);
    const told: string[] = [];
    for await (const event of turn) {
      if (/^(permission|tool\.ended)/.test(event.type) && 'toolUseId' in event)
        told.push(`${event.type} ${event.name}`);
      else if (event.type === 'permission.resolved') told.push(`${event.type} ${event.requestId}`);
    }
    expect(told).toEqual([
      'permission.requested Read',
      'permission.requested Read',
      `permission.resolved ${other?.requestId}`,
      'tool.ended Read',
      `permission.resolved ${one?.requestId}`,
      'tool.ended Read',
    ]);
  });
});

describe('with fake-claude', () => {
  const shared = shareCluster({ claude: 'fake', profiles });

  test('an allowed tool runs with the input of the answer', async () => {
    const { session, file } = await scene(shared());
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await firstEvent(turn, 'permission.requested');
    await session.answer(requestId, { decision: 'allow', input: { command: `touch ${file}-instead` } });
    await turn.result();
    expect([existsSync(file), existsSync(`${file}-instead`)]).toEqual([false, true]);
  });

  test('a denied tool does not run, its agent gets the reason, and the turn goes on', async () => {
    const { session, file } = await scene(shared());
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await firstEvent(turn, 'permission.requested');
    await session.answer(requestId, { decision: 'deny', message: 'not on a Sunday' });
    expect(await firstEvent(turn, 'tool.ended')).toMatchObject({
      ok: false,
      summary: expect.stringContaining('not on a Sunday'),
    });
    await turn.result();
    expect(existsSync(file)).toBe(false);
  });

  test('a denial that ends the turn interrupts it, and the session goes on', async () => {
    const { session, file } = await scene(shared());
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await firstEvent(turn, 'permission.requested');
    await session.answer(requestId, { decision: 'deny', endTurn: true });
    await expect(turn.result()).rejects.toMatchObject({ code: 'interrupted', result: { text: 'Using Bash.' } });
    const after = await (await session.prompt('hello')).result();
    expect(after).toMatchObject({ text: 'Echo: hello', warmth: 'hot' });
    expect(existsSync(file)).toBe(false);
  });

  test('a request is denied at the deadline of its profile', async () => {
    const { session, file } = await scene(shared());
    const turn = await session.prompt(bash(`touch ${file}`), { profile: 'deadline' });
    expect(await firstEvent(turn, 'permission.resolved')).toMatchObject({ decision: 'deny', by: 'deadline' });
    expect((await turn.result()).status).toBe('finished');
    expect(existsSync(file)).toBe(false);
  });

  test('a profile denies a request at once while no reader watches', async () => {
    const { cluster } = shared();
    const { session, file } = await scene(shared());
    const { sessionId } = session;
    // A turn that a job submits has no reader.
    const turns = new Queue('turns', { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
    try {
      const prompt = bash(`touch ${file}`);
      await turns.add('turn', { sessionId, prompt, turnId: 'unwatched', profile: 'unwatched' });
      const record = await eventually(async () => (await session.turn('unwatched'))?.result);
      expect(record.status).toBe('finished');
      const turn = await session.follow('unwatched');
      expect(await firstEvent(turn, 'permission.resolved')).toMatchObject({ decision: 'deny', by: 'unwatched' });
      const watched = await session.prompt(prompt);
      const { requestId } = await firstEvent(watched, 'permission.requested');
      await session.answer(requestId, { decision: 'allow' });
      await watched.result();
      expect(existsSync(file)).toBe(true);
    } finally {
      await turns.close();
    }
  });

  test('neither a submit nor a reader that left counts as watching', async () => {
    const { session, file } = await scene(shared());
    const denied = async (turnId: string): Promise<void> => {
      await session.prompt(bash(`touch ${file}`), { turnId, profile: 'unwatched' });
      await eventually(async () => (await session.turn(turnId))?.result);
      const turn = await session.follow(turnId);
      expect(await firstEvent(turn, 'permission.resolved')).toMatchObject({ decision: 'deny', by: 'unwatched' });
    };
    await denied('first');
    await (await session.prompt('hello')).result();
    await denied('after-a-watched-one');
    expect(existsSync(file)).toBe(false);
  });

  test('the first of two answers counts, and the second is refused', async () => {
    const { cluster } = shared();
    const { session, file } = await scene(shared());
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await waiting(session);
    const other = cluster.producer().session(session.sessionId);
    const answers = await Promise.allSettled([
      session.answer(requestId, { decision: 'allow' }),
      other.answer(requestId, { decision: 'deny' }),
    ]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = answers.find((answer) => answer.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'already_resolved' });
    await turn.result();
    // The same holds after its turn.
    await expect(session.answer(requestId, { decision: 'allow' })).rejects.toMatchObject({ code: 'already_resolved' });
    await expect(session.answer('unknown', { decision: 'allow' })).rejects.toMatchObject({ code: 'request_gone' });
    expect(existsSync(file)).toBe(answers[0].status === 'fulfilled');
  });

  test('a request is answered from another process', async () => {
    const { cluster } = shared();
    const { session, file } = await scene(shared());
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await firstEvent(turn, 'permission.requested');
    const program = fileURLToPath(new URL('../dist/fixtures/answer.js', import.meta.url));
    await execa(process.execPath, [program, session.sessionId, requestId], { env: cluster.env });
    await turn.result();
    expect(existsSync(file)).toBe(true);
  });

  test('an interrupt withdraws the waiting request', async () => {
    const { session, file } = await scene(shared());
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await firstEvent(turn, 'permission.requested');
    expect(await session.interrupt()).toMatchObject({
      kind: 'interrupted',
      result: { error: { code: 'interrupted' } },
    });
    expect(await firstEvent(turn, 'permission.resolved')).toMatchObject({ decision: 'withdrawn', by: 'agent' });
    await expect(session.answer(requestId, { decision: 'allow' })).rejects.toMatchObject({ code: 'already_resolved' });
    expect((await (await session.prompt('hello')).result()).warmth).toBe('hot');
    expect(existsSync(file)).toBe(false);
  });
});

test('a request of a former owner is gone, and the next owner asks again', async () => {
  await withCluster(async (cluster) => {
    const first = await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const session = cluster.producer().session('s');
    const file = join(await cluster.folder(), 'made');
    const turn = await session.prompt(bash(`echo once >> ${file}`), { onInterrupted: 'retry' });
    const { requestId } = await firstEvent(turn, 'permission.requested');
    first.signal('SIGKILL');
    await first.exited;
    await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const again = await eventually(async () =>
      (await session.permissions()).find((one) => one.requestId !== requestId),
    );
    await expect(session.answer(requestId, { decision: 'allow' })).rejects.toMatchObject({ code: 'request_gone' });
    await session.answer(again.requestId, { decision: 'allow' });
    await turn.result();
    expect(readFileSync(file, 'utf8')).toBe('once\n');
  });
});

test('the owner finds an answer whose message was lost', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const session = cluster.producer().session('s');
    const turn = await session.prompt(tool('Effect', { text: 'x' }));
    const { requestId, seq, name } = await firstEvent(turn, 'permission.requested');
    // As the library does it, but without the message.
    const controls = new ControlRequests(deafStore(cluster));
    expect(
      await controls.resolve('s', { requestId, seq, name }, { by: 'answer', answer: { decision: 'deny' } }),
    ).toEqual({ kind: 'ok' });
    expect(await firstEvent(turn, 'tool.ended')).toMatchObject({ name: 'Effect', ok: false });
    expect((await turn.result()).status).toBe('finished');
  });
});
