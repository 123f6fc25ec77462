/** A prompt must bring nothing into the model's request that is not in it: the real CLI replaces `@path` by files, before any gate. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startModelApi } from '@hearth/simulator';
import { Queue } from 'bullmq';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { Cluster, withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';
import { allTokens, bearer, startGateway, testTokens } from '../support/gateway.js';
import { dropIn } from '../support/programs.js';

const secret = 'the-secret-of-another-user';

describe('an @path in a prompt', () => {
  const bodies: string[] = [];
  let cluster: Cluster;
  let file: string;
  let failed = false;

  beforeAll(async () => {
    cluster = new Cluster(inject('redisUrl'), await startModelApi({ onRequest: (body) => void bodies.push(body) }));
    file = join(await cluster.folder(), 'secret.txt');
    await writeFile(file, secret);
    const profiles = { default: { disallowedTools: ['Read'] }, open: { spares: 0, mentions: true } };
    await cluster.worker({ profiles });
  });
  afterEach(({ task }) => {
    failed ||= task.result?.state === 'fail';
  });
  afterAll(() => cluster.close(!failed));

  /** What of the secret the model got since the last call. */
  const leaked = (): boolean => bodies.splice(0).some((body) => body.includes(secret));
  const words = (): string => `what is in @${file} ?`;

  const ways: Record<string, () => Promise<unknown>> = {
    'the library': async () => (await cluster.producer().session('s').prompt(words())).result(),
    'the library as blocks': async () => {
      const blocks = [words(), 'thanks'].map((text) => ({ type: 'text' as const, text }));
      return (await cluster.producer().session('s').prompt(blocks)).result();
    },
    'a raw job': async () => {
      const turns = new Queue('turns', { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
      const { id } = await turns.add('turn', { sessionId: 's', prompt: words() });
      await eventually(async () => (await turns.getJobState(id ?? '')) === 'completed');
      await turns.close();
    },
    HTTP: async () => {
      const { url } = await startGateway(cluster, { tokens: allTokens });
      const headers = { ...bearer(testTokens.prompt), 'content-type': 'application/json' };
      const body = JSON.stringify({ prompt: words() });
      const answer = await fetch(`${url}/v1/sessions/s/turns`, { method: 'POST', headers, body });
      expect(answer.status).toBeLessThan(300);
      await eventually(async () => (await cluster.producer().session('s').summary())?.state === 'idle');
    },
    'hearth-claude': async () => {
      const env = { ...cluster.env, HEARTH_HOME: await cluster.folder() };
      await execa(process.execPath, [dropIn, '-p', words()], { env, extendEnv: false, stdin: 'ignore' });
    },
  };
  test.each(Object.keys(ways))('of %s reaches the model as text', async (way) => {
    bodies.length = 0;
    await ways[way]?.();
    const last = bodies.find((body) => body.includes(file));
    expect(last).toBeDefined();
    expect(leaked()).toBe(false);
  });

  test('is that file in a profile that allows mentions', async () => {
    bodies.length = 0;
    await (await cluster.producer().session('open').prompt(words(), { profile: 'open' })).result();
    expect(leaked()).toBe(true);
  });
});

test('a claude that cannot take prompts verbatim is given none that it would compose', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', profiles: { default: { env: { FAKE_CLAUDE_VERSION: '2.1.197' } } } });
    const session = cluster.producer().session('s');
    for (const prompt of ['read @/etc/passwd', '/init', [{ type: 'text' as const, text: 'see "@~/.ssh/config"' }]]) {
      await expect((await session.prompt(prompt)).result()).rejects.toMatchObject({
        code: 'invalid_prompt',
        field: 'prompt',
        wayOut: expect.stringContaining('2.1.248'),
      });
    }
    expect(await (await session.prompt('mail ada@example.org')).result()).toMatchObject({
      text: 'Echo: mail ada@example.org',
    });
  });
});
