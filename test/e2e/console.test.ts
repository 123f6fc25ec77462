import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { cuttable } from '../support/cuttable.js';
import { eventually } from '../support/facts.js';
import { allTokens, startGateway, testTokens } from '../support/gateway.js';
import { expectNoFaults, useBrowser } from '../support/pages.js';

const newPage = useBrowser();

const prompt = async (page: Page, text: string): Promise<void> => {
  await page.getByLabel('Prompt', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
};
const turn = (page: Page, seq: number) => page.getByRole('article', { name: `Turn ${seq}`, exact: true });
/** The measurements below a turn: it has its result. */
const ended = (page: Page, seq: number) => turn(page, seq).getByText(/^total /);

const question = {
  question: 'Which colour?',
  header: 'Colour',
  multiSelect: false,
  options: [
    { label: 'Red', description: 'like fire' },
    { label: 'Blue', description: 'like water' },
  ],
};

test('a person opens a session, prompts it, watches it, answers its permissions and questions, and stops it (the real CLI)', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker();
    const { url } = await startGateway(cluster);
    const folder = await cluster.folder();
    const page = await newPage();
    await page.goto(url);
    await page.getByText('1 free').or(page.getByLabel(/slots/)).first().waitFor();
    await page.getByLabel('Session to open').fill('demo/chat #1');
    // Ids have no spaces: the form reports it, and does not navigate.
    await page.getByRole('button', { name: 'Open' }).click();
    expect(page.url()).not.toContain('sessions');
    await page.getByLabel('Session to open').fill('demo/chat');
    await page.getByRole('button', { name: 'Open' }).click();

    await prompt(page, 'Remember the number 7.');
    await turn(page, 1).getByText('I will remember the number 7.').waitFor();
    await ended(page, 1).waitFor();

    const bash = (file: string): string => `[[tool Bash {"command":"touch ${join(folder, file)}"}]] make it`;
    await prompt(page, bash('allowed'));
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await ended(page, 2).waitFor();
    expect(existsSync(join(folder, 'allowed'))).toBe(true);
    await turn(page, 2).getByLabel('done').waitFor();

    await prompt(page, bash('unchanged'));
    await page.getByRole('button', { name: 'Change the input' }).click();
    const editor = page.getByLabel(/Input of Bash/);
    await editor.fill('{"command":');
    expect(await page.getByRole('button', { name: 'Allow with this input' }).isDisabled()).toBe(true);
    await editor.fill(JSON.stringify({ command: `touch ${join(folder, 'changed')}` }));
    await page.getByRole('button', { name: 'Allow with this input' }).click();
    await ended(page, 3).waitFor();
    expect(existsSync(join(folder, 'unchanged'))).toBe(false);
    expect(existsSync(join(folder, 'changed'))).toBe(true);

    await prompt(page, bash('denied'));
    await page.getByLabel('What Claude is told when denied').fill('not on a Saturday');
    await page.getByRole('button', { name: 'Deny', exact: true }).click();
    await turn(page, 4).getByText('Bash denied (“not on a Saturday”).').waitFor();
    await ended(page, 4).waitFor();

    await prompt(page, bash('denied'));
    await page.getByRole('button', { name: 'Deny and stop' }).click();
    await turn(page, 5).getByText('interrupted').first().waitFor();
    expect(existsSync(join(folder, 'denied'))).toBe(false);

    await prompt(page, '[[stream chunks=200 every=50ms]] a b c d e f g h i j k l m n o p');
    await turn(page, 6).getByText('Echo: a b').waitFor();
    await page.getByRole('button', { name: 'Interrupt' }).click();
    await turn(page, 6).getByText('interrupted').first().waitFor();

    // The agent is the same, and remembers.
    await prompt(page, 'What number did I ask you to remember?');
    await turn(page, 7).getByText('You asked me to remember the number 7.').waitFor();
    await turn(page, 7).getByText('hot').waitFor();

    await prompt(page, `[[tool AskUserQuestion ${JSON.stringify({ questions: [question] })}]] ask me`);
    await page.getByLabel('Blue').check();
    await page.getByRole('button', { name: 'Answer', exact: true }).click();
    await ended(page, 8).waitFor();
    await turn(page, 8)
      .getByText(/Which colour\?"?="?Blue/)
      .first()
      .waitFor();

    // A tool that is always allowed is not asked for again.
    await prompt(page, bash('always'));
    await page.getByLabel(/^Bash\(touch .*\)/).check();
    await page.getByLabel(/^files in .* in this session/).check();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await ended(page, 9).waitFor();
    await prompt(page, bash('always'));
    await ended(page, 10).waitFor();
    expectNoFaults(page);
  });
}, 120_000);

test('a page opened in mid-turn shows the turn once and whole, although its connection is cut repeatedly', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const way = await cuttable((await startGateway(cluster)).url);
    const session = cluster.producer().session('s');
    await (await session.prompt('hello')).result();
    const words = Array.from({ length: 60 }, (_, at) => `w${at}`).join(' ');
    const running = await session.prompt(`[[stream chunks=60 every=50ms]] ${words}`);
    for await (const event of running) if (event.type === 'text.delta') break;
    const page = await newPage();
    await page.goto(`${way.url}/#/sessions/s`);
    const answer = turn(page, 2).locator('.prose');
    for (const word of ['w10', 'w20', 'w30']) {
      await answer.getByText(word).waitFor();
      expect(`Echo: ${words}`.startsWith((await answer.textContent()) ?? '?')).toBe(true);
      way.cut();
    }
    await ended(page, 2).waitFor();
    expect(await answer.allInnerTexts()).toEqual([`Echo: ${words}`]);
    await turn(page, 1).getByText('Echo: hello').waitFor();
    expectNoFaults(page);
  });
});

test('a trimmed part of the stream is reported, and shown from the record', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const way = await cuttable((await startGateway(cluster)).url);
    const session = cluster.producer().session('s');
    const page = await newPage();
    await page.goto(`${way.url}/#/sessions/s`);
    await (await session.prompt('one')).result();
    await ended(page, 1).waitFor();
    await page.context().setOffline(true);
    way.cut();
    await (await session.prompt('two')).result();
    await cluster.redis.xtrim(cluster.keys.session('s').events, 'MAXLEN', 0);
    await page.context().setOffline(false);
    await page.getByText('Part of the stream is no longer kept').waitFor();
    await turn(page, 2).getByText('Echo: two').waitFor();
  });
});

test('with the keyboard alone: open a session, prompt it, answer a permission, stop a turn', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const page = await newPage();
    await page.goto((await startGateway(cluster)).url);
    const { keyboard } = page;
    const focused = (): Promise<string> =>
      page.evaluate('document.activeElement?.labels?.[0]?.textContent || document.activeElement?.textContent || ""');
    const tabTo = async (name: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses += 1) {
        if ((await focused()).trim() === name) return;
        await keyboard.press('Tab');
      }
      throw new Error(`Tab does not reach ${name}`);
    };
    await page.getByLabel('Session to open').waitFor();
    await keyboard.press('Tab');
    expect(await focused()).toContain('Skip to content');
    await tabTo('Session to open');
    await keyboard.type('keys');
    await keyboard.press('Enter');
    // The box has the focus when the page opens.
    await page.getByLabel('Prompt', { exact: true }).waitFor();
    await keyboard.type('hello');
    await keyboard.press('Enter');
    await ended(page, 1).waitFor();
    await keyboard.type('[[tool Bash {"command":"sleep 0"}]] do it');
    await keyboard.press('Enter');
    await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
    // Backwards from the box: the answers come before it.
    for (let presses = 0; presses < 20 && (await focused()) !== 'Allow'; presses += 1)
      await keyboard.press('Shift+Tab');
    await keyboard.press('Enter');
    await ended(page, 2).waitFor();
    await keyboard.type('[[hang]] wait');
    await keyboard.press('Enter');
    await turn(page, 3).getByText('at work').waitFor();
    await keyboard.press('Escape');
    await turn(page, 3).getByText('interrupted').first().waitFor();
    expectNoFaults(page);
  });
});

test('with tokens a person signs in, and sees only what the token permits', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const { url } = await startGateway(cluster, { tokens: allTokens });
    // Output of Claude is text, never markup.
    const text = '<img src=x onerror=alert(1)> [here](javascript:alert(1)) and ';
    const shown = '<p>&lt;img src=x onerror=alert(1)&gt; here and <strong>bold</strong></p>';
    await (await cluster.producer().session('s').prompt(`[[say ${text}**bold**]]`)).result();
    const page = await newPage();
    const signIn = async (token: string): Promise<void> => {
      await page.getByLabel('Access token').fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await page.goto(`${url}/#/sessions/s`);
    await signIn('not-a-token-at-all-0123456789abc');
    await page.getByRole('alert').getByText('unauthenticated').waitFor();
    await signIn(testTokens.read.token);
    await turn(page, 1).getByText(text).waitFor();
    expect(await turn(page, 1).locator('.prose').innerHTML()).toBe(shown);
    for (const name of ['Send', 'Warm', 'Close…']) expect(await page.getByRole('button', { name }).count()).toBe(0);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });

    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(testTokens.admin.token);
    await prompt(page, 'once more');
    await turn(page, 2).getByText('Echo: once more').waitFor();
    await page.getByRole('button', { name: 'Close…' }).click();
    await page.getByRole('button', { name: 'Close the session' }).click();
    await page.getByText('The session was closed.').waitFor();
    expect(await cluster.store.session('s')).toBeUndefined();
    expectNoFaults(page);
  });
});

test('the cluster’s page shows workers and sessions as they come, and finds one of many', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 3, leaseTtlMs: 2_000 });
    const page = await newPage({ width: 390, height: 844 });
    await page.goto((await startGateway(cluster)).url);
    await page.getByText('No sessions yet.').waitFor();
    const producer = cluster.producer();
    for (const name of ['mail:ada@example.org', 'chat-1', 'chat-2']) {
      await (await producer.session(name).prompt('hello')).result();
    }
    await page.getByRole('link', { name: 'chat-2' }).waitFor();
    await page
      .getByLabel(/0 busy, [23] idle/)
      .first()
      .waitFor();
    await page.getByLabel('Ids that begin with').fill('mail:');
    await eventually(async () => (await page.getByRole('link', { name: 'chat-2' }).count()) === 0);
    await page.getByRole('link', { name: 'mail:ada@example.org' }).click();
    await turn(page, 1).getByText('Echo: hello').waitFor();
    // Nothing is wider than a phone.
    for (const place of ['#/', '#/sessions/chat-1']) {
      await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
      await page.getByRole('link', { name: 'chat-1' }).or(ended(page, 1)).first().waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    }
    expectNoFaults(page);
  });
});
