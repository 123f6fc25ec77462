import { expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';
import { cuttable } from '../support/cuttable.js';
import { eventually } from '../support/facts.js';
import { allTokens, shareGateway, startGateway, testTokens } from '../support/gateway.js';
import { expectNoFaults, useBrowser } from '../support/pages.js';
import { shareCluster } from '../support/shared-cluster.js';
import { ended, holdConversation, prompt, turn } from './console.js';

const newPage = useBrowser();
const shared = shareCluster({ claude: 'fake', leaseTtlMs: shortLeaseMs });
const gateway = shareGateway(shared);

test('opens a session, prompts it, answers its permissions and questions, and interrupts it', async () => {
  const { cluster } = shared();
  await holdConversation(await newPage(), gateway().url, await cluster.folder());
});

test('shows a running turn whole and once although its connection is cut again and again', async () => {
  const way = await cuttable(gateway().url);
  const session = shared().session();
  await (await session.prompt('hello')).result();
  const words = Array.from({ length: 60 }, (_, at) => `w${at}`).join(' ');
  const running = await session.prompt(`[[stream chunks=60 every=50ms]] ${words}`);
  for await (const event of running) if (event.type === 'text.delta') break;
  const page = await newPage();
  await page.goto(`${way.url}/#/sessions/${session.sessionId}`);
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

test('shows a turn from its record when its events are trimmed, and says so', async () => {
  const { cluster } = shared();
  const way = await cuttable(gateway().url);
  const session = shared().session();
  const page = await newPage();
  await page.goto(`${way.url}/#/sessions/${session.sessionId}`);
  await (await session.prompt('one')).result();
  await ended(page, 1).waitFor();
  await page.context().setOffline(true);
  way.cut();
  await (await session.prompt('two')).result();
  await cluster.redis.xtrim(cluster.keys.session(session.sessionId).events, 'MAXLEN', 0);
  await page.context().setOffline(false);
  await page.getByText('Part of the stream is no longer kept').waitFor();
  await turn(page, 2).getByText('Echo: two').waitFor();
});

test('opens a session, prompts it, answers a permission and interrupts a turn with the keyboard alone', async () => {
  const page = await newPage();
  await page.goto(gateway().url);
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
  // The prompt has the focus when the page opens.
  await page.getByLabel('Prompt', { exact: true }).waitFor();
  await keyboard.type('hello');
  await keyboard.press('Enter');
  await ended(page, 1).waitFor();
  await keyboard.type('[[tool Bash {"command":"sleep 0"}]] do it');
  await keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
  // The answers stand before the prompt.
  for (let presses = 0; presses < 20 && (await focused()) !== 'Allow'; presses += 1) await keyboard.press('Shift+Tab');
  await keyboard.press('Enter');
  await ended(page, 2).waitFor();
  await keyboard.type('[[hang]] wait');
  await keyboard.press('Enter');
  await turn(page, 3).getByText('at work').waitFor();
  await keyboard.press('Escape');
  await turn(page, 3).getByText('interrupted').first().waitFor();
  expectNoFaults(page);
});

test('shows only what the scope of the token allows', async () => {
  const { cluster } = shared();
  const { url } = await startGateway(cluster, { tokens: allTokens });
  // The page shows what Claude writes as text, never as markup.
  const text = '<img src=x onerror=alert(1)> [here](javascript:alert(1)) and ';
  const shown = '<p>&lt;img src=x onerror=alert(1)&gt; here and <strong>bold</strong></p>';
  const session = shared().session();
  await (await session.prompt(`[[say ${text}**bold**]]`)).result();
  const page = await newPage();
  const signIn = async (token: string): Promise<void> => {
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await page.goto(`${url}/#/sessions/${session.sessionId}`);
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
  expect(await session.summary()).toBeUndefined();
  expectNoFaults(page);
});

test('the page of the cluster shows workers and sessions as they come, and filters by prefix', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 3, leaseTtlMs: shortLeaseMs });
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
    // Every page fits the width of a phone.
    for (const place of ['#/', '#/sessions/chat-1']) {
      await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
      await page.getByRole('link', { name: 'chat-1' }).or(ended(page, 1)).first().waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    }
    expectNoFaults(page);
  });
});
