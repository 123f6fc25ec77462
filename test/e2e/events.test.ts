import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReaderEvent, TurnHandle } from '@hearth/producer';
import { eventSchema } from '@hearth/shared';
import { describe, expect, test } from 'vitest';
import { shareCluster } from '../support/shared-cluster.js';
import { recall, recalled, remember, spoken } from '../support/turns.js';

/** Every event of a turn; each has to match the published schema. */
async function eventsOf(turn: TurnHandle): Promise<ReaderEvent[]> {
  const events: ReaderEvent[] = [];
  for await (const event of turn) {
    expect(eventSchema.safeParse(event).success, JSON.stringify(event)).toBe(true);
    events.push(event);
  }
  return events;
}

const typed = <T extends ReaderEvent['type']>(events: readonly ReaderEvent[], type: T) =>
  events.filter((event): event is Extract<ReaderEvent, { type: T }> => event.type === type);

describe('of the real CLI', () => {
  const shared = shareCluster({ profiles: { default: { allowedTools: ['Bash', 'Read', 'Write'] } } });

  test('text, thinking, tools, retries and the ending are distinct events, and no text arrives twice', async () => {
    const { cluster } = shared();
    const session = shared().session();

    const thought = await eventsOf(await session.prompt('[[thinking let me see]] [[stream chunks=4]] a b c d'));
    expect(
      typed(thought, 'thinking.delta')
        .map(({ text }) => text)
        .join(''),
    ).toBe('let me see');
    expect(spoken(thought)).toBe('Echo: a b c d');
    expect(typed(thought, 'message').map(({ content }) => content.map(({ type }) => type))).toEqual([
      ['thinking', 'text'],
    ]);
    expect(thought.map(({ type }) => type).slice(0, 2)).toEqual(['turn.queued', 'turn.started']);

    const folder = await cluster.folder();
    await writeFile(join(folder, 'in.txt'), 'content of the file\n');
    const steps = [
      `[[tool Bash {"command":"printf 'first line\\\\nsecond'"}]]`,
      `[[tool Read {"file_path":"${join(folder, 'in.txt')}"}]]`,
      `[[tool Write {"file_path":"${join(folder, 'out.txt')}","content":"x"}]]`,
    ];
    const worked = await session.prompt(steps.join(' '));
    const tooled = await eventsOf(worked);
    expect(typed(tooled, 'tool.started').map(({ name }) => name)).toEqual(['Bash', 'Read', 'Write']);
    const ended = typed(tooled, 'tool.ended');
    expect(ended.map(({ toolUseId }) => toolUseId)).toEqual(
      typed(tooled, 'tool.started').map(({ toolUseId }) => toolUseId),
    );
    expect(ended.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(ended[0]?.summary).toBe('first line');
    const result = await worked.result();
    expect(result).toMatchObject({ toolCount: 3, durable: true, warmth: 'hot' });
    expect(result.timings.toolsMs).toBeGreaterThan(0);
    expect(result.costUsd).toBeGreaterThan(0);
    expect(result.tokens.output).toBeGreaterThan(0);
    const record = await cluster.store.turn(session.sessionId, 2);
    expect(record).toMatchObject({ state: 'finished', toolsReached: ['Bash', 'Read', 'Write'] });
    expect(record?.messages?.map(({ messageId }) => messageId)).toEqual(
      typed(tooled, 'message').map(({ messageId }) => messageId),
    );

    const retried = await eventsOf(await session.prompt('[[error 529 times=1]] after all'));
    expect(typed(retried, 'retry')[0]).toMatchObject({ attempt: 1, reason: expect.stringContaining('529') });
    expect(spoken(retried)).toBe('Echo: after all');
  });

  test('an answer of a megabyte arrives whole; blocks and images are prompts; metadata is returned', async () => {
    const session = shared().session();
    const turn = await session.prompt('[[large 1MB]]', { metadata: { title: 'big', tags: ['a'] } });
    const events = await eventsOf(turn);
    expect(spoken(events)).toHaveLength(1024 * 1024);
    const result = await turn.result();
    expect(result.text).toBe(spoken(events));
    expect(result).toMatchObject({ durable: true, metadata: { title: 'big', tags: ['a'] } });
    const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const seen = await session.prompt([
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
      { type: 'text', text: 'what is this' },
    ]);
    expect((await seen.result()).text).toBe('Echo: what is this');
  });
});

describe('of fake-claude', () => {
  const asking = { spares: 0, allowedTools: ['Read'], permissionDeadlineMs: 100 };
  const shared = shareCluster({ claude: 'fake', profiles: { default: {}, asking } });

  test('concurrent tools are matched by their id; one without a permission is refused, with an event', async () => {
    const { cluster } = shared();
    const session = shared().session();
    const folder = await cluster.folder();
    for (const name of ['a', 'b']) await writeFile(join(folder, name), `text of ${name}\n`);
    const reads = ['a', 'b'].map((name) => `[[tool Read {"file_path":"${join(folder, name)}"}]]`);
    const both = await eventsOf(await session.prompt(`[[parallel]] ${reads.join(' ')}`, { profile: 'asking' }));
    const summaries = new Map(typed(both, 'tool.ended').map(({ toolUseId, summary }) => [toolUseId, summary]));
    expect(summaries.size).toBe(2);
    for (const { toolUseId, input } of typed(both, 'tool.started')) {
      expect(summaries.get(toolUseId)).toContain(`text of ${input.includes(join(folder, 'a')) ? 'a' : 'b'}`);
    }
    const refused = await eventsOf(await session.prompt('[[tool Bash {"command":"touch /tmp/never"}]]'));
    expect(typed(refused, 'permission.resolved')).toMatchObject([{ name: 'Bash', decision: 'deny', by: 'deadline' }]);
    expect(typed(refused, 'tool.ended')).toMatchObject([{ name: 'Bash', ok: false }]);
    expect(refused.at(-1)?.type).toBe('turn.finished');
  });

  test('cuts text between characters, and makes half characters valid', async () => {
    // Both the input and the output of the tool are cut inside an emoji, if by their length alone.
    const command = `echo  ${'😀'.repeat(150)}`;
    const turn = await shared()
      .session()
      .prompt(`[[tool Bash ${JSON.stringify({ command })}]] [[say a \ud83d b]]`, { metadata: { note: 'c \ud83d' } });
    const events = await eventsOf(turn);
    expect(typed(events, 'tool.started')[0]?.input.endsWith('😀…')).toBe(true);
    expect(typed(events, 'tool.ended')[0]?.summary.endsWith('😀…')).toBe(true);
    expect(await turn.result()).toMatchObject({ text: 'a \ufffd b', metadata: { note: 'c \ufffd' } });
    expect(JSON.stringify(events)).not.toMatch(/\\ud[89a-f]/i);
  });

  test('a refusal of the account has a code of its own that says what helps and when', async () => {
    const session = shared().session();
    const failures = [
      ['[[error 429]] hello', { code: 'model_rate_limited', retryAt: undefined }],
      ['[[usage-limit]] hello', { code: 'model_limit_reached', retryAt: 1_796_054_400_000 }],
      ['[[error 401]] hello', { code: 'model_login_refused' }],
      ['[[error 402]] hello', { code: 'model_no_credit' }],
      ['[[error 404]] hello', { code: 'model_not_found' }],
    ] as const;
    for (const [prompt, error] of failures)
      await expect((await session.prompt(prompt)).result()).rejects.toMatchObject(error);
    const [, limited] = await session.turns();
    expect(limited?.result).toMatchObject({ error: { wayOut: expect.stringContaining('retryAt') } });
  });

  test('a prompt whose content the model refuses is cut from the conversation, and later prompts are answered', async () => {
    const session = shared().session();
    await (await session.prompt(remember(31))).result();
    const failed = await session.prompt('[[error 400]] hello');
    await expect(failed.result()).rejects.toMatchObject({
      code: 'prompt_refused',
      message: expect.stringContaining('400'),
    });
    expect([...(await session.transcript()).values()].join('')).not.toContain('error 400');
    expect(await (await session.prompt(recall)).result()).toMatchObject({ warmth: 'resumed', text: recalled(31) });
  });
});
