import type { Session, TurnHandle } from '@hearth/producer';
import { describe, expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

async function withTimes(times: object, use: (session: (name: string) => Session) => Promise<void>): Promise<void> {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', profiles: { default: { allowedTools: ['Bash'], ...times } } });
    const producer = cluster.producer();
    await use((name) => producer.session(name));
  });
}

/** The streamed text of a turn, which is not empty. */
async function heard(turn: TurnHandle): Promise<string> {
  let text = '';
  for await (const event of turn) if (event.type === 'text.delta') text += event.text;
  expect(text).toMatch(/^Echo: /);
  return text;
}

describe('a turn', () => {
  test('whose agent is silent from the start ends with first_event_timeout; after the interrupt its agent continues', async () => {
    await withTimes({ firstEventTimeoutMs: 300 }, async (session) => {
      const before = await (await session('s').prompt('Remember the number 3.')).result();
      await expect((await session('s').prompt('[[hang]]')).result()).rejects.toMatchObject({
        code: 'first_event_timeout',
        field: 'firstEventTimeoutMs',
      });
      const after = await (await session('s').prompt('What number did I ask you to remember?')).result();
      expect(after).toMatchObject({ text: 'You asked me to remember the number 3.', warmth: 'hot', pid: before.pid });
    });
  });

  test('whose agent becomes silent ends with silence_timeout and its text; an unresponsive agent is ended, and resumes', async () => {
    await withTimes({ silenceTimeoutMs: 300 }, async (session) => {
      await (await session('s').prompt('Remember the number 4.')).result();
      const turn = await session('s').prompt(
        '[[deaf]] [[stall after=2]] [[stream chunks=4 every=1ms]] one two three four',
      );
      await expect(turn.result()).rejects.toMatchObject({
        code: 'silence_timeout',
        result: { text: await heard(turn) },
      });
      const after = await (await session('s').prompt('What number did I ask you to remember?')).result();
      expect(after).toMatchObject({ text: 'You asked me to remember the number 4.', warmth: 'resumed' });
    });
  });

  test('that exceeds its time ends with turn_timeout', async () => {
    await withTimes({ turnTimeoutMs: 500 }, async (session) => {
      const turn = await session('s').prompt('[[stream chunks=200 every=50ms]] a b c d e f g h i j k l m n o p q r');
      await expect(turn.result()).rejects.toMatchObject({
        code: 'turn_timeout',
        result: { text: await heard(turn) },
      });
    });
  });

  test('with a silent running tool continues', async () => {
    await withTimes({ firstEventTimeoutMs: 3_000, silenceTimeoutMs: 400 }, async (session) => {
      const working = await session('s').prompt('[[tool Bash {"command":"sleep 1.2"}]] work');
      expect((await working.result()).timings.toolsMs).toBeGreaterThan(1_000);
    });
  });

  test('stops its clocks while a permission is requested', async () => {
    await withTimes({ allowedTools: [], turnTimeoutMs: 700, silenceTimeoutMs: 700 }, async (session) => {
      const asking = await session('asking').prompt('[[tool Bash {"command":"touch x"}]] go');
      for await (const event of asking) {
        if (event.type !== 'permission.requested') continue;
        // Longer than the time limit of a turn.
        const over = await session('over').prompt(`[[stream chunks=200 every=50ms]] ${'on '.repeat(200)}`);
        await expect(over.result()).rejects.toMatchObject({ code: 'turn_timeout' });
        await session('asking').answer(event.requestId, { decision: 'deny' });
      }
      expect((await asking.result()).timings.askedMs).toBeGreaterThan(700);
    });
  });
});

test('a second result in the middle of the next turn ends nothing', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake' });
    const session = cluster.producer().session('s');
    await (await session.prompt('[[second-result after=150ms]] first')).result();
    const turn = await session.prompt('[[stream chunks=20 every=30ms]] one two three four five six');
    expect((await turn.result()).text).toBe('Echo: one two three four five six');
    await worker.logged(({ event }) => event === 'agent.stray_result');
  });
});

test('a second result after the last output of the next turn does not replace its own, which never comes', async () => {
  const profiles = { default: { firstEventTimeoutMs: 3_000, silenceTimeoutMs: 700 } };
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', profiles });
    const session = cluster.producer().session('s');
    await (await session.prompt('[[second-result after=300ms]] the same')).result();
    const turn = await session.prompt('[[no-result]] the same');
    await expect(turn.result()).rejects.toMatchObject({ code: 'silence_timeout' });
    await worker.logged(({ event }) => event === 'agent.stray_result');
  });
});

test('a second result while a tool of the next turn runs ends nothing', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', profiles: { default: { allowedTools: ['Bash'] } } });
    const session = cluster.producer().session('s');
    await (await session.prompt('[[second-result after=300ms]] first')).result();
    const turn = await session.prompt('[[tool Bash {"command":"sleep 1; echo done"}]]');
    expect(await turn.result()).toMatchObject({ text: 'The tools answered: done', toolCount: 1 });
  });
});
