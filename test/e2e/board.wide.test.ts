import { Queue } from 'bullmq';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';
import { allTokens, bearer, shareGateway, startGateway, testTokens } from '../support/gateway.js';
import { useBrowser } from '../support/pages.js';
import { shareCluster } from '../support/shared-cluster.js';

const newPage = useBrowser();
const shared = shareCluster({ claude: 'fake', leaseTtlMs: 3_000 });
const gateway = shareGateway(shared);

const queueNames = async (page: Page, url: string): Promise<string[]> => {
  const { queues } = (await (await page.request.get(`${url}/board/api/queues`)).json()) as {
    queues: { name: string }[];
  };
  return queues.map(({ name }) => name);
};

test('queues come and go with their workers', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const { url } = await startGateway(cluster);
    const page = await newPage();
    await page.goto(`${url}/board`);
    await page
      .getByRole('link', { name: /turns-1/ })
      .first()
      .waitFor();
    expect(await queueNames(page, url)).toEqual(['turns', 'turns-1']);
    const second = await cluster.worker({ claude: 'fake' });
    await eventually(async () => (await queueNames(page, url)).includes('turns-2'));
    await page.reload();
    await page
      .getByRole('link', { name: /turns-2/ })
      .first()
      .waitFor();
    await second.stop();
    await eventually(async () => !(await queueNames(page, url)).includes('turns-2'));
    await page.reload();
    await page
      .getByRole('link', { name: /turns-1/ })
      .first()
      .waitFor();
    expect(await page.getByRole('link', { name: /turns-2/ }).count()).toBe(0);
  });
});

test('shows session, turn, preview, worker, warmth and timings of a job, and the typed error of a failed one', async () => {
  const { worker } = shared();
  const { url } = gateway();
  const session = shared().producer.session('mail:ada');
  await (await session.prompt('What is the capital of France?')).result();
  const page = await newPage();
  await page.goto(`${url}/board/queue/turns?status=completed`);
  await page.getByText('mail:ada · turn 1').first().waitFor();
  expect(await jobs(page, url, 'turns')).toMatchObject([
    {
      name: 'mail:ada · turn 1',
      data: { sessionId: 'mail:ada', seq: 1, preview: 'What is the capital of France?' },
      returnValue: { warmth: 'spare', workerId: worker.workerId, totalMs: expect.any(Number) },
      externalUrl: { href: '/#/sessions/mail%3Aada' },
    },
  ]);
  const failing = await session.prompt('[[error 400]] no');
  await expect(failing.result()).rejects.toThrow();
  await page.goto(`${url}/board/queue/turns-1?status=failed`);
  await page
    .getByText(/prompt_refused: /)
    .first()
    .waitFor();
  // The outcome of the turn stands beside the job's data, as for a completed job.
  await page.getByText(`by ${worker.workerId}`).first().waitFor();
  expect(await jobs(page, url, 'turns-1')).toMatchObject([
    {
      name: 'mail:ada · turn 2',
      failedReason: expect.stringMatching(/^prompt_refused: /),
      returnValue: { warmth: 'hot', workerId: worker.workerId, totalMs: expect.any(Number), toolCount: 0 },
    },
  ]);
});

test('shows the worker of an active job, and the agent of its session there', async () => {
  const { workerId } = shared().worker;
  const { url } = gateway();
  const session = shared().session();
  await (await session.prompt('hello')).result();
  const turn = await session.prompt('[[hang]]');
  const page = await newPage();
  await page.goto(`${url}/board/queue/turns-1?status=active`);
  await page.getByText(`by ${workerId}`).first().waitFor();
  const shown = async () => (await jobs(page, url, 'turns-1')).filter(({ name }) => name.startsWith(session.sessionId));
  await eventually(async () => {
    const [job] = await shown();
    return job?.processedBy === workerId && job.returnValue?.['warmth'] === 'hot' && job;
  });
  expect(await shown()).toMatchObject([{ returnValue: { workerId, pid: expect.any(Number) } }]);
  expect(await session.interrupt({ turnId: turn.turnId })).toMatchObject({ kind: 'interrupted' });
  await eventually(async () => (await shown())[0]?.returnValue?.['totalMs'] !== undefined);
  expect(await shown()).toMatchObject([{ returnValue: { workerId, totalMs: expect.any(Number) } }]);
});

/** Clicks an icon of a job. The icons have no names, but each shows what it does while the mouse is over it. */
async function clickIcon(page: Page, name: string): Promise<void> {
  const icons = await page.locator('xpath=//a[.="Session"]/following::button[not(normalize-space())]').all();
  for (const icon of icons) {
    await icon.hover();
    const told = page.getByText(name, { exact: true }).waitFor({ timeout: 1_000 });
    if (
      await told.then(
        () => true,
        () => false,
      )
    )
      return icon.click();
  }
  throw new Error(`no button says ${name}`);
}

test('a retry of a failed job submits its prompt again, as the next turn of the session', async () => {
  const { url } = gateway();
  const session = shared().session();
  await (await session.prompt('hello')).result();
  const prompt = '[[error 400]] no';
  await expect((await session.prompt(prompt)).result()).rejects.toThrow();
  const page = await newPage();
  await page.goto(`${url}/board/queue/turns-1?status=failed`);
  await page.getByText(`${session.sessionId} · turn 2`).first().waitFor();
  await clickIcon(page, 'Retry');
  await page.getByRole('button', { name: 'Confirm' }).click();
  const third = await eventually(async () => {
    const turn = await session.turn(3);
    return turn?.result !== undefined && turn;
  });
  expect(third).toMatchObject({ request: { prompt }, result: { status: 'failed', attempt: 1 } });
  expect(third.turnId).not.toBe((await session.turn(2))?.turnId);
});

const secret = `the first words of a prompt ${'and a long rest '.repeat(50)}THE END`;

/** Everything that the board answers about the queues. */
async function said(page: Page, url: string, cluster: Cluster): Promise<string> {
  const ids = (await jobs(page, url, 'turns')).map(({ id }) => id);
  const paths = ['job-schedulers', 'queues?activeQueue=turns&status=latest', ...ids.map((id) => `queues/turns/${id}`)];
  const texts = await Promise.all(
    paths.map(async (path) => (await page.request.get(`${url}/board/api/${path}`)).text()),
  );
  expect(cluster.workers).toEqual([]);
  return texts.join('\n');
}

test('never shows more than the first words of a prompt, and hides these on request', async () => {
  await withCluster(async (cluster) => {
    const { queuePrefix: prefix } = cluster.keys.options;
    const queue = new Queue('turns', { connection: cluster.redis, prefix });
    await queue.add('turn', { sessionId: 's', prompt: secret });
    await queue.upsertJobScheduler(
      'daily',
      { every: 3_600_000 },
      { name: 'turn', data: { sessionId: 's', prompt: secret } },
    );
    const page = await newPage();
    const shown = await said(page, (await startGateway(cluster)).url, cluster);
    expect(shown).toContain('the first words');
    expect(shown).not.toContain('THE END');
    const hidden = await said(page, (await startGateway(cluster, { boardPreviews: false })).url, cluster);
    expect(hidden.split('"preview":"(hidden)"').length).toBe(shown.split('"preview":"the first words').length);
    expect(hidden).not.toContain('first words');
    await queue.close();
  });
});

test('needs a sign-in: the scope read sees it, admin uses it, tokens of some sessions are refused', async () => {
  await withCluster(async (cluster) => {
    const { queuePrefix: prefix } = cluster.keys.options;
    const queue = new Queue('turns', { connection: cluster.redis, prefix });
    const job = await queue.add('turn', { sessionId: 's', prompt: 'hello' }, { delay: 3_600_000 });
    const { url } = await startGateway(cluster, { tokens: allTokens });
    const page = await newPage();
    type Who = { token: string };
    const ask = (who?: Who) =>
      page.request.get(`${url}/board/api/queues`, { headers: who === undefined ? {} : bearer(who), maxRedirects: 0 });
    const promote = (who: Who) =>
      page.request.put(`${url}/board/api/queues/turns/${job.id}/promote`, { headers: bearer(who) });
    expect((await ask()).status()).toBe(401);
    expect((await ask(testTokens.confined)).status()).toBe(403);
    expect((await ask(testTokens.read)).status()).toBe(200);
    expect((await promote(testTokens.read)).status()).toBe(403);
    expect(await job.getState()).toBe('delayed');
    expect((await promote(testTokens.admin)).status()).toBe(204);
    expect(await job.getState()).toBe('waiting');
    const edit = { headers: bearer(testTokens.admin), data: { jobData: { prompt: 'cut' } } };
    expect((await page.request.patch(`${url}/board/api/queues/turns/${job.id}/update-data`, edit)).status()).toBe(405);

    // A browser without a sign-in is redirected to it.
    await page.goto(`${url}/board`);
    await page.getByLabel('Access token').fill(testTokens.read.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'Bull Board' }).first().click();
    await page.getByRole('link', { name: /turns/ }).first().waitFor();
    // An admin would find the button here, as the test of the retry shows.
    await cluster.worker({ claude: 'fake', slots: 1 });
    const failing = await cluster.producer().session('fails').prompt('[[error 400]] no');
    await expect(failing.result()).rejects.toMatchObject({ code: 'prompt_refused' });
    await page.goto(`${url}/board/queue/turns?status=failed`);
    await page.getByText('fails · turn 1').first().waitFor();
    await expect(clickIcon(page, 'Retry')).rejects.toThrow('no button says Retry');
    await queue.close();
  });
});

interface ShownJob {
  id: string;
  name: string;
  processedBy?: string;
  returnValue?: Record<string, unknown>;
}

async function jobs(page: Page, url: string, queue: string): Promise<ShownJob[]> {
  const answer = await page.request.get(
    `${url}/board/api/queues?activeQueue=${queue}&status=latest&page=1&jobsPerPage=10`,
  );
  const { queues } = (await answer.json()) as { queues: { name: string; jobs: ShownJob[] }[] };
  return queues.find(({ name }) => name === queue)?.jobs ?? [];
}
