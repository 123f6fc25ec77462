import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HearthEvent, PermissionRequest, ReaderEvent, Session, TurnHandle } from '@hearth/producer';
import { ControlRequests } from '@hearth/shared/internal';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { deafStore } from '../support/deaf.js';
import { eventually } from '../support/facts.js';

const bash = (command: string): string => `[[tool Bash ${JSON.stringify({ command })}]] go`;

/** The first event of a turn of that type. */
async function next<T extends HearthEvent['type']>(
  turn: TurnHandle,
  type: T,
): Promise<Extract<ReaderEvent, { type: T }>> {
  for await (const event of turn) if (event.type === type) return event as Extract<ReaderEvent, { type: T }>;
  throw new Error(`the turn ended without ${type}`);
}

/** One that waits, as whoever answers sees it. */
const waiting = (session: Session): Promise<PermissionRequest> =>
  eventually(async () => (await session.permissions())[0]);

interface Scene {
  cluster: Cluster;
  session: Session;
  /** A file that does not exist yet. */
  file: string;
}

async function withScene(profile: object, use: (scene: Scene) => Promise<void>): Promise<void> {
  await withCluster(async (cluster) => {
    // One place: no spare is started beside the one session, which would only take the machine's time.
    await cluster.worker({ slots: 1, profiles: { default: profile } });
    await use({ cluster, session: cluster.producer().session('s'), file: join(await cluster.folder(), 'made') });
  });
}

test('allowed, a tool runs: the request is an event and a record, the stream flows on, its time is told', async () => {
  await withScene({}, async ({ session, file }) => {
    const turn = await session.prompt(bash(`touch ${file}`));
    const asked = await next(turn, 'permission.requested');
    expect(asked).toMatchObject({ name: 'Bash', input: { command: `touch ${file}` }, seq: 1 });
    const [request] = await session.permissions();
    expect(request).toMatchObject({ requestId: asked.requestId, name: 'Bash', expiresAt: asked.expiresAt });
    expect(existsSync(file)).toBe(false);
    await session.answer(asked.requestId, { decision: 'allow' });
    expect(await next(turn, 'permission.resolved')).toMatchObject({ decision: 'allow', by: 'answer' });
    const result = await turn.result();
    expect(result.timings.askedMs).toBeGreaterThan(0);
    expect(existsSync(file)).toBe(true);
    expect(await session.permissions()).toEqual([]);
  });
});

test('allowed with another input, the tool runs with that', async () => {
  await withScene({}, async ({ session, file }) => {
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await next(turn, 'permission.requested');
    await session.answer(requestId, { decision: 'allow', input: { command: `touch ${file}-instead` } });
    await turn.result();
    expect([existsSync(file), existsSync(`${file}-instead`)]).toEqual([false, true]);
  });
});

test('allowed always, by the suggestion of the agent, the same tool is not asked for again', async () => {
  await withScene({}, async ({ session, file }) => {
    const turn = await session.prompt(
      `[[tool Bash ${JSON.stringify({ command: `touch ${file}` })}]] ${bash(`touch ${file}`)}`,
    );
    const { requestId, suggestions } = await next(turn, 'permission.requested');
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
});

test('denied, the tool does not run and Claude is told why; the turn goes on', async () => {
  await withScene({}, async ({ session, file }) => {
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await next(turn, 'permission.requested');
    await session.answer(requestId, { decision: 'deny', message: 'not on a Sunday' });
    expect(await next(turn, 'tool.ended')).toMatchObject({
      ok: false,
      summary: expect.stringContaining('not on a Sunday'),
    });
    await turn.result();
    expect(existsSync(file)).toBe(false);
  });
});

test('denied with the end of the turn, the turn is interrupted and the session goes on', async () => {
  await withScene({}, async ({ session, file }) => {
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await next(turn, 'permission.requested');
    await session.answer(requestId, { decision: 'deny', endTurn: true });
    await expect(turn.result()).rejects.toMatchObject({ code: 'interrupted', result: { text: 'Using Bash.' } });
    const after = await (await session.prompt('hello')).result();
    expect(after).toMatchObject({ text: 'Echo: hello', warmth: 'hot' });
    expect(existsSync(file)).toBe(false);
  });
});

test('unanswered past the deadline of the profile, it is denied and that is said', async () => {
  await withScene({ permissionDeadlineMs: 300 }, async ({ session, file }) => {
    const turn = await session.prompt(bash(`touch ${file}`));
    expect(await next(turn, 'permission.resolved')).toMatchObject({ decision: 'deny', by: 'deadline' });
    expect((await turn.result()).status).toBe('finished');
    expect(existsSync(file)).toBe(false);
  });
});

test('a profile can have it denied at once while nobody watches', async () => {
  await withScene({ permissionUnwatched: 'deny' }, async ({ cluster, session, file }) => {
    // Brought by a job, the turn has no reader.
    const { Queue } = await import('bullmq');
    const turns = new Queue('turns', { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
    try {
      await turns.add('turn', { sessionId: 's', prompt: bash(`touch ${file}`), turnId: 'unwatched' });
      const record = await eventually(
        async () => (await session.turn('unwatched'))?.result && session.turn('unwatched'),
      );
      expect(record.result?.status).toBe('finished');
      const turn = await session.follow('unwatched');
      expect(await next(turn, 'permission.resolved')).toMatchObject({ decision: 'deny', by: 'unwatched' });
      const watched = await session.prompt(bash(`touch ${file}`));
      const { requestId } = await next(watched, 'permission.requested');
      await session.answer(requestId, { decision: 'allow' });
      await watched.result();
      expect(existsSync(file)).toBe(true);
    } finally {
      await turns.close();
    }
  });
});

test('whoever submits and goes does not watch, nor does one who has watched before', async () => {
  await withScene({ permissionUnwatched: 'deny' }, async ({ session, file }) => {
    const denied = async (turnId: string): Promise<void> => {
      await session.prompt(bash(`touch ${file}`), { turnId });
      await eventually(async () => (await session.turn(turnId))?.result);
      const turn = await session.follow(turnId);
      expect(await next(turn, 'permission.resolved')).toMatchObject({ decision: 'deny', by: 'unwatched' });
    };
    await denied('first');
    await (await session.prompt('hello')).result();
    await denied('after-a-watched-one');
    expect(existsSync(file)).toBe(false);
  });
});

test('the first answer counts: a second is told so, also when both come at once', async () => {
  await withScene({}, async ({ cluster, session, file }) => {
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await waiting(session);
    const other = cluster.producer().session('s');
    const answers = await Promise.allSettled([
      session.answer(requestId, { decision: 'allow' }),
      other.answer(requestId, { decision: 'deny' }),
    ]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = answers.find((answer) => answer.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'already_resolved' });
    await turn.result();
    // Also after its turn.
    await expect(session.answer(requestId, { decision: 'allow' })).rejects.toMatchObject({ code: 'already_resolved' });
    await expect(session.answer('of nobody', { decision: 'allow' })).rejects.toMatchObject({ code: 'request_gone' });
    expect(existsSync(file)).toBe(answers[0].status === 'fulfilled');
  });
});

test('another process answers', async () => {
  await withScene({}, async ({ cluster, session, file }) => {
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await next(turn, 'permission.requested');
    const program = fileURLToPath(new URL('../dist/fixtures/answer.js', import.meta.url));
    await execa(process.execPath, [program, 's', requestId], { env: cluster.env });
    await turn.result();
    expect(existsSync(file)).toBe(true);
  });
});

test('an interrupt withdraws what waits', async () => {
  await withScene({}, async ({ session, file }) => {
    const turn = await session.prompt(bash(`touch ${file}`));
    const { requestId } = await next(turn, 'permission.requested');
    expect(await session.interrupt()).toMatchObject({
      kind: 'interrupted',
      result: { error: { code: 'interrupted' } },
    });
    expect(await next(turn, 'permission.resolved')).toMatchObject({ decision: 'withdrawn', by: 'agent' });
    await expect(session.answer(requestId, { decision: 'allow' })).rejects.toMatchObject({ code: 'already_resolved' });
    expect((await (await session.prompt('hello')).result()).warmth).toBe('hot');
    expect(existsSync(file)).toBe(false);
  });
});

test('a question of Claude is answered like any other request, its answers in the input', async () => {
  await withScene({}, async ({ session }) => {
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
    const turn = await session.prompt(`[[tool AskUserQuestion ${JSON.stringify({ questions })}]] go`);
    const asked = await next(turn, 'permission.requested');
    expect(asked).toMatchObject({ name: 'AskUserQuestion', input: { questions } });
    await session.answer(asked.requestId, {
      decision: 'allow',
      input: { questions, answers: { 'Which colour?': 'Blue' } },
    });
    expect(await next(turn, 'tool.ended')).toMatchObject({ ok: true, summary: expect.stringContaining('Blue') });
    await turn.result();
  });
});

test('several wait at once while the stream flows on, and are answered in any order', async () => {
  await withScene({}, async ({ cluster, session }) => {
    // Only tools that read are asked about side by side; these do so outside of the session's folder.
    const folder = await cluster.folder();
    const files = ['a', 'b'].map((name) => join(folder, name));
    for (const file of files) await writeFile(file, `text of ${file}`);
    const tools = files.map((file) => `[[tool Read ${JSON.stringify({ file_path: file })}]]`).join(' ');
    const turn = await session.prompt(`[[parallel]] ${tools} go`);
    const [first, second] = await eventually(async () => {
      const open = await session.permissions();
      return open.length === 2 && open;
    });
    expect([first?.input, second?.input]).toMatchObject(files.map((file) => ({ file_path: file })));
    await session.answer(second?.requestId ?? '', { decision: 'allow' });
    // The one that was answered is done, and told, while the other still waits.
    expect((await next(turn, 'tool.ended')).toolUseId).toBe(second?.toolUseId);
    expect((await session.permissions()).map(({ requestId }) => requestId)).toEqual([first?.requestId]);
    await session.answer(first?.requestId ?? '', { decision: 'allow' });
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
      `permission.resolved ${second?.requestId}`,
      'tool.ended Read',
      `permission.resolved ${first?.requestId}`,
      'tool.ended Read',
    ]);
  });
});

test('a request of a former owner is gone; the next owner asks again', async () => {
  await withCluster(async (cluster) => {
    const first = await cluster.worker({ leaseTtlMs: 1_500 });
    const session = cluster.producer().session('s');
    const file = join(await cluster.folder(), 'made');
    const turn = await session.prompt(bash(`echo once >> ${file}`), { onInterrupted: 'retry' });
    const { requestId } = await next(turn, 'permission.requested');
    first.signal('SIGKILL');
    await first.exited;
    await cluster.worker({ leaseTtlMs: 1_500 });
    const again = await eventually(async () =>
      (await session.permissions()).find((one) => one.requestId !== requestId),
    );
    await expect(session.answer(requestId, { decision: 'allow' })).rejects.toMatchObject({ code: 'request_gone' });
    await session.answer(again.requestId, { decision: 'allow' });
    await turn.result();
    expect(readFileSync(file, 'utf8')).toBe('once\n');
  });
});

test('an answer whose call is lost is found by the owner', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', leaseTtlMs: 1_500 });
    const session = cluster.producer().session('s');
    const turn = await session.prompt('[[tool Effect {"text":"x"}]] go');
    const { requestId, seq, name } = await next(turn, 'permission.requested');
    // What the library does, with the call going to nobody.
    const controls = new ControlRequests(deafStore(cluster));
    expect(
      await controls.resolve('s', { requestId, seq, name }, { by: 'answer', answer: { decision: 'deny' } }),
    ).toEqual({ kind: 'ok' });
    expect(await next(turn, 'tool.ended')).toMatchObject({ name: 'Effect', ok: false });
    expect((await turn.result()).status).toBe('finished');
  });
});
