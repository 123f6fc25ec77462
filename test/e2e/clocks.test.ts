import { describe, expect, test } from 'vitest';
import { shareCluster } from '../support/shared-cluster.js';
import { bash, eventsOf, firstEvent, recall, recalled, remember, spoken, tool } from '../support/turns.js';

/** The limit that a test waits for: short, but longer than an agent is silent on a busy machine, ms. */
const limitMs = 1_500;
/** Pieces that take longer than the limit together, each far shorter than the limit. */
const pieces = 12;
const pieceMs = limitMs / 10;
const Bash = { allowedTools: ['Bash'], spares: 0 };

const shared = shareCluster({
  claude: 'fake',
  profiles: {
    default: { allowedTools: ['Bash'] },
    'first-event': { spares: 0, firstEventTimeoutMs: limitMs },
    silence: { ...Bash, silenceTimeoutMs: limitMs },
    both: { allowedTools: ['Write'], spares: 0, firstEventTimeoutMs: limitMs, silenceTimeoutMs: limitMs },
    budget: { ...Bash, maxBudgetUsd: 0.02 },
    turn: { spares: 0, turnTimeoutMs: limitMs, silenceTimeoutMs: limitMs },
  },
});

/** A turn that speaks for longer than any limit here. */
const endless = `[[stream chunks=200 every=50ms]] ${'on '.repeat(200)}`;

describe('a turn', () => {
  test('whose agent is silent from the start ends with first_event_timeout; after the interrupt its agent continues', async () => {
    const session = shared().session();
    const before = await (await session.prompt(remember(3), { profile: 'first-event' })).result();
    await expect((await session.prompt('[[mute]]')).result()).rejects.toMatchObject({
      code: 'first_event_timeout',
      field: 'firstEventTimeoutMs',
    });
    const after = await (await session.prompt(recall)).result();
    expect(after).toMatchObject({ text: recalled(3), warmth: 'hot', pid: before.pid });
  });

  test('whose agent becomes silent ends with silence_timeout and its text; an unresponsive agent is ended, and resumes', async () => {
    const session = shared().session();
    await (await session.prompt(remember(4), { profile: 'silence' })).result();
    const turn = await session.prompt('[[deaf]] [[stall after=2]] [[stream chunks=4 every=1ms]] one two three four');
    await expect(turn.result()).rejects.toMatchObject({
      code: 'silence_timeout',
      result: { text: spoken(await eventsOf(turn)) },
    });
    const after = await (await session.prompt(recall)).result();
    expect(after).toMatchObject({ text: recalled(4), warmth: 'resumed' });
  });

  test('that exceeds its budget ends with budget_exceeded; cheaper turns before and after it are served', async () => {
    const session = shared().session();
    const costs: number[] = [];
    for (let times = 0; times < 3; times += 1)
      costs.push((await (await session.prompt('[[large 4KB]]', { profile: 'budget' })).result()).costUsd);
    expect(costs[0]).toBeLessThan(0.02);
    expect(costs.reduce((sum, cost) => sum + cost)).toBeGreaterThan(0.03);
    const dear = await session.prompt(`${bash(`: ${'word '.repeat(2_000)}`)} ${bash('sleep 60')}`);
    await expect(dear.result()).rejects.toMatchObject({ code: 'budget_exceeded', field: 'maxBudgetUsd' });
    expect((await (await session.prompt('hello')).result()).warmth).toBe('hot');
  });

  test('that exceeds its time ends with turn_timeout', async () => {
    const turn = await shared().session().prompt(endless, { profile: 'turn' });
    await expect(turn.result()).rejects.toMatchObject({
      code: 'turn_timeout',
      result: { text: spoken(await eventsOf(turn)) },
    });
  });

  test.each([
    ['a tool input', tool('Write', { file_path: 'long', content: 'line '.repeat(pieces) })],
    ['withheld thinking', '[[thinking]] go'],
  ])('continues while only %s is streamed', async (_what, prompt) => {
    const turn = await shared()
      .session()
      .prompt(`[[stream chunks=${pieces} every=${pieceMs}ms]] ${prompt}`, { profile: 'both' });
    expect((await turn.result()).timings.totalMs).toBeGreaterThan(limitMs);
  });

  test('with a silent running tool continues', async () => {
    const working = await shared().session().prompt(bash('sleep 2'), { profile: 'silence' });
    expect((await working.result()).timings.toolsMs).toBeGreaterThan(limitMs);
  });

  test('stops its clocks while a permission is requested', async () => {
    const session = shared().session();
    const asking = await session.prompt(bash('touch x'), { profile: 'turn' });
    const { requestId } = await firstEvent(asking, 'permission.requested');
    // Longer than the time limit of a turn.
    const over = await shared().session().prompt(endless, { profile: 'turn' });
    await expect(over.result()).rejects.toMatchObject({ code: 'turn_timeout' });
    await session.answer(requestId, { decision: 'deny' });
    expect((await asking.result()).timings.askedMs).toBeGreaterThan(limitMs);
  });
});

test('a second result in the middle of the next turn ends nothing', async () => {
  const session = shared().session();
  await (await session.prompt('[[second-result after=150ms]] first')).result();
  const turn = await session.prompt('[[stream chunks=20 every=30ms]] one two three four five six');
  expect((await turn.result()).text).toBe('Echo: one two three four five six');
  await shared().logged(session, 'agent.stray_result');
});

test('a second result after the last output of the next turn does not replace its own, which never comes', async () => {
  const session = shared().session();
  await (await session.prompt('[[second-result after=300ms]] the same', { profile: 'silence' })).result();
  const turn = await session.prompt('[[no-result]] the same');
  await expect(turn.result()).rejects.toMatchObject({ code: 'silence_timeout' });
  await shared().logged(session, 'agent.stray_result');
});

test('a second result while a tool of the next turn runs ends nothing', async () => {
  const session = shared().session();
  await (await session.prompt('[[second-result after=300ms]] first')).result();
  const turn = await session.prompt(bash('sleep 1; echo done'));
  expect(await turn.result()).toMatchObject({ text: 'The tools answered: done', toolCount: 1 });
});
