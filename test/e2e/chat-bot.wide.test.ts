import { Bot } from '@hearth/examples/chat-bot/bot';
import type { ChatSide } from '@hearth/examples/chat-bot/chat-side';
import { Discord } from '@hearth/examples/chat-bot/discord';
import { splitText } from '@hearth/examples/chat-bot/split';
import {
  DiscordStandIn,
  type Fault,
  type SeenMessage,
  type StandIn,
  TelegramStandIn,
} from '@hearth/examples/chat-bot/stand-in';
import { Telegram } from '@hearth/examples/chat-bot/telegram';
import type { Session } from '@hearth/producer';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Cluster } from '../support/cluster.js';
import { shareCluster } from '../support/shared-cluster.js';

const shared = shareCluster();

/** Messages of a test follow each other faster, also on a busy machine, ms. */
const burstMs = 300;
const editEveryMs = 150;

interface Chat {
  standIn: StandIn;
  session: Session;
  side: ChatSide;
  /** Who talks to the bot. */
  user: string;
}

let users = 0;
const newUser = (): string => {
  users += 1;
  return String(users);
};

async function telegram(cluster: Cluster): Promise<Chat> {
  const user = newUser();
  const standIn = new TelegramStandIn();
  const side = new Telegram(`${await standIn.start()}/bot-token`, editEveryMs);
  const producer = cluster.producer();
  const listening = side.listen(new Bot(producer, side, burstMs));
  onTestFinished(async () => {
    side.stop();
    await listening;
    await standIn.stop();
  });
  return { standIn, side, session: producer.session(`telegram/${user}`), user };
}

async function discord(cluster: Cluster): Promise<Chat> {
  const user = newUser();
  const standIn = new DiscordStandIn();
  const side = new Discord(standIn, editEveryMs);
  const producer = cluster.producer();
  side.listen(new Bot(producer, side, burstMs));
  return { standIn, side, session: producer.session(`discord/${user}`), user };
}

const says = (text: string | RegExp) => (message: SeenMessage) =>
  typeof text === 'string' ? message.text.trim() === text : text.test(message.text);

describe.each([
  ['Telegram', telegram, 4_096],
  ['Discord', discord, 2_000],
])('on %s', (_name, open, limit) => {
  test('a burst is one prompt; messages during its answer are the next; edits keep their interval', async () => {
    const { standIn, session, user } = await open(shared().cluster);
    standIn.say(user, '[[stream chunks=40 every=50ms]] first');
    standIn.say(user, `second ${'so it goes on and on '.repeat(8)}`.trim());
    const answer = await standIn.sees(says(/^Echo: /));
    standIn.say(user, 'third');
    standIn.say(user, 'fourth');
    await standIn.sees(says('Echo: third\nfourth'));
    const prompts = (await session.turns()).map(({ request }) => request.prompt);
    expect(prompts).toEqual([expect.stringMatching(/first\nsecond/), 'third\nfourth']);
    expect(answer.times.length).toBeGreaterThan(2);
    // A busy machine delays single edits, so that only their number shows the interval. There are 40 pieces of text.
    const tookMs = (answer.times.at(-1) ?? 0) - (answer.times[0] ?? 0);
    expect(answer.times.length).toBeLessThanOrEqual(tookMs / editEveryMs + 4);
  });

  test('a long answer is split into messages of the allowed size, and all of it arrives', async () => {
    const { standIn, session, user } = await open(shared().cluster);
    standIn.say(user, '[[large 10KB]]');
    const [turn] = await untilEnded(session, standIn);
    const text = standIn.messages.map((message) => message.text).join(' ');
    expect(squeezed(text)).toBe(squeezed(turn?.result?.text ?? ''));
    expect(standIn.messages.length).toBeGreaterThanOrEqual(Math.ceil(10_000 / limit));
  });

  test('a permission is asked with buttons, and /stop stops', async () => {
    const { standIn, user } = await open(shared().cluster);
    standIn.say(user, '[[tool Effect {"text":"x"}]] go');
    const asked = await standIn.sees(({ buttons }) => buttons.length > 0);
    expect(asked.text).toContain('Claude wants to use Effect:\n{"text":"x"}');
    standIn.press(user, asked.buttons.find(({ label }) => label === 'Allow')?.data ?? '');
    await standIn.sees(says(/→ allow$/));
    await standIn.sees(says(/The tools answered: /));
    standIn.say(user, '[[stream chunks=40 every=5s]] a b c d e f g h');
    await standIn.sees(says('Echo:'));
    standIn.say(user, '/stop');
    await standIn.sees(says('Stopped.'));
    await standIn.sees(says(/⚠ interrupted$/));
  });
});

const faults: readonly Fault[] = ['limit', 'error', 'page', 'cut', 'lost'];

describe.each([
  ['Telegram', telegram],
  ['Discord', discord],
])('whatever the calls of %s meet', (_name, open) => {
  test('shows each answer to its end, and answers the next message', async () => {
    const { standIn } = await open(shared().cluster);
    await Promise.all(
      faults.map(async (fault) => {
        const user = newUser();
        const sees = (text: string) => standIn.sees((seen) => seen.channel === user && seen.text.includes(text));
        standIn.meet('send', fault, user);
        for (let count = 0; count < 2; count += 1) standIn.meet('edit', fault, user);
        standIn.say(user, `[[stream chunks=20 every=50ms]] ${'word '.repeat(40)}and the end`);
        await sees('and the end');
        standIn.say(user, 'still there?');
        await sees('Echo: still there?');
      }),
    );
  });

  test('receives the next message', async () => {
    const { standIn, user } = await open(shared().cluster);
    for (const fault of ['limit', 'page', 'cut', 'lost'] as const) standIn.meet('receive', fault);
    standIn.say(user, 'first');
    await standIn.sees(says('Echo: first'));
    standIn.say(user, 'second');
    await standIn.sees(says('Echo: second'));
  });

  test('shows a permission request and its outcome', async () => {
    const { standIn, user } = await open(shared().cluster);
    for (const fault of ['limit', 'page'] as const) standIn.meet('send', fault, user);
    standIn.meet('edit', 'page', user);
    standIn.say(user, '[[tool Effect {"text":"x"}]] go');
    const asked = await standIn.sees(({ buttons }) => buttons.length > 0);
    standIn.press(user, asked.buttons.find(({ label }) => label === 'Deny')?.data ?? '');
    await standIn.sees(says(/→ deny$/));
  });
});

/** The turns after the last has ended and is posted to its end. */
async function untilEnded(session: Session, standIn: StandIn) {
  await standIn.sees(() => true);
  const [turn] = await session.turns();
  await (await session.follow(turn?.turnId ?? '')).result();
  const turns = await session.turns();
  const end = turns.at(-1)?.result?.text.trim().slice(-20) ?? '';
  await standIn.sees(({ text }) => text.trim().endsWith(end));
  return turns;
}

/** White space at a cut may differ. */
const squeezed = (text: string): string => text.replace(/\s+/g, '');

describe('a long text', () => {
  test.each([
    ['between paragraphs', `${'a'.repeat(30)}\n\n${'b'.repeat(30)}`, ['a'.repeat(30), 'b'.repeat(30)]],
    ['between sentences', `${'a'.repeat(30)}. ${'b'.repeat(30)}`, [`${'a'.repeat(30)}.`, 'b'.repeat(30)]],
    ['between words', `${'a'.repeat(30)} ${'b'.repeat(30)}`, ['a'.repeat(30), 'b'.repeat(30)]],
    ['anywhere, when there is no better place', 'a'.repeat(60), ['a'.repeat(36), 'a'.repeat(24)]],
    ['not inside a character', `${'a'.repeat(35)}😀${'b'.repeat(10)}`, ['a'.repeat(35), `😀${'b'.repeat(10)}`]],
    ['not inside a family', `${'a'.repeat(33)}👨‍👩‍👧${'b'.repeat(10)}`, ['a'.repeat(33), `👨‍👩‍👧${'b'.repeat(10)}`]],
    ['not at all when it fits', 'short', ['short']],
  ])('is cut %s', (_where, text, parts) => expect(splitText(text, 40)).toEqual(parts));

  test('stays code when it is split inside of code', () => {
    const code = `\`\`\`ts\n${'const x = 1;\n'.repeat(5)}\`\`\`\nafter`;
    const parts = splitText(code, 50);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(50);
      expect((part.match(/```/g) ?? []).length % 2).toBe(0);
    }
    expect(parts[1]).toMatch(/^```ts\nconst/);
  });

  test('that grows keeps the messages that are full', () => {
    const text = 'Words and sentences. '.repeat(20);
    const [before, after] = [splitText(text.slice(0, 200), 40), splitText(text, 40)];
    expect(after.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
  });
});
