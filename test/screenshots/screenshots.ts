import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { startGateway } from '../support/gateway.js';
import { useBrowser } from '../support/pages.js';
import { sessions, workerProfiles } from './scene.js';

const newPage = useBrowser();

const picture = (page: Page, name: string): Promise<unknown> =>
  page.screenshot({ path: fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url)) });

test('pictures of the console and of Bull Board', async () => {
  await withCluster(async (cluster) => {
    const profiles = await workerProfiles(cluster);
    for (const slots of [8, 6, 6]) await cluster.worker({ claude: 'fake', slots, profiles, leaseTtlMs: 2_000 });
    const { url } = await startGateway(cluster);
    const producer = cluster.producer();
    await Promise.all(sessions.map(async (name) => (await producer.session(name).prompt('Good morning')).result()));
    await (await producer.session('support/ticket-1042').prompt('Why is the login slow since noon?')).result();
    for (const name of ['nightly/report', 'discord:4471/help'])
      await producer.session(name).prompt('Summarise the day');
    await producer.session('nightly/report').prompt('And the week');
    await (await producer.session('ci/build-failures').prompt('[[error 400]] What broke?'))
      .result()
      .catch(() => undefined);

    const wide = { width: 1_200, height: 760 };
    const page = await newPage(wide);
    await page.goto(`${url}/#/sessions/${encodeURIComponent('support/ticket-1042')}`);
    await page.getByLabel('Prompt', { exact: true }).fill('Fix it');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
    await page.getByText('hot').first().waitFor();
    await picture(page, 'session');
    await page.goto(`${url}/#/`);
    await page
      .getByLabel(/2 busy|3 busy/)
      .first()
      .waitFor();
    await page.getByText(/MB$/).nth(3).waitFor();
    await picture(page, 'console-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture(page, 'console-dark');
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${url}/#/sessions/${encodeURIComponent('support/ticket-1042')}`);
    await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
    await page.getByText(/^age /).waitFor();
    await picture(page, 'session-phone');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(wide);
    await page.goto(`${url}/board/queue/turns?status=latest`);
    await page.getByText('support/ticket-1042 · turn 1').first().waitFor();
    await picture(page, 'board');
  });
});
