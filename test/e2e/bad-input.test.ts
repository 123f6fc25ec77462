import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalRedis } from '@hearth/local-redis';
import { createProducer, type HearthError } from '@hearth/producer';
import { intakeQueue } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';
import { fakeClaude, workerProgram } from '../support/programs.js';
import { toldRedis } from '../support/told-redis.js';

/** A value nested to this depth. */
function deep(levels: number): Json {
  let value: Json = 'x';
  for (let level = 0; level < levels; level += 1) value = { a: value };
  return value;
}
type Json = string | { a: Json };

test('invalid prompts, ids and options are refused before Redis is used, each with its field', async () => {
  // No server listens there: a call that uses Redis would fail differently.
  const producer = createProducer({ redisUrl: 'redis://127.0.0.1:1' });
  const session = producer.session('s');
  const refused = async (attempt: () => Promise<unknown>) => attempt().catch((error: HearthError) => error.toJSON());
  expect(await refused(() => session.prompt('  '))).toMatchObject({ code: 'invalid_prompt', field: 'prompt' });
  expect(await refused(() => session.prompt('x'.repeat(1024 * 1024 + 1)))).toMatchObject({
    code: 'prompt_too_large',
    field: 'prompt',
  });
  const image = {
    type: 'image',
    source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(20 * 1024 * 1024) },
  } as const;
  expect(await refused(() => session.prompt([image]))).toMatchObject({ code: 'prompt_too_large' });
  expect(await refused(() => session.prompt([{ type: 'text' } as never]))).toMatchObject({
    code: 'invalid_prompt',
    field: 'prompt.0.text',
  });
  expect(await refused(() => session.prompt('x', { turnId: 'a b' }))).toMatchObject({ code: 'invalid_turn_id' });
  expect(await refused(() => session.prompt('x', { metadata: { big: 'x'.repeat(20_000) } }))).toMatchObject({
    code: 'invalid_metadata',
  });
  expect(await refused(() => session.prompt('x', { metadata: { deep: deep(3_000) } }))).toMatchObject({
    code: 'invalid_metadata',
    field: 'metadata',
  });
  expect(await refused(() => session.prompt([deep(10_000) as never]))).toMatchObject({
    code: 'invalid_prompt',
    field: 'prompt',
  });
  for (const sessionId of ['', 'with space', 'x'.repeat(201), 'new\nline']) {
    expect(() => producer.session(sessionId)).toThrow(
      expect.objectContaining({ code: 'invalid_session_id', field: 'sessionId' }),
    );
  }
  expect(() => createProducer({ redisUrl: 'http://x' })).toThrow(
    expect.objectContaining({ code: 'invalid_options', field: 'redisUrl' }),
  );
  await producer.close();
});

test('an unreachable, old or evicting Redis is named, to a producer and in the log of a worker, which does not start', async () => {
  const ask = async (redisUrl: string): Promise<unknown> => {
    const producer = createProducer({ redisUrl, connectTimeoutMs: 2_000 });
    const error = await producer
      .session('s')
      .prompt('x')
      .catch((reason: HearthError) => reason.toJSON());
    await producer.close();
    const { code } = error as { code: string };
    const home = await mkdtemp(join(tmpdir(), 'hearth-refused-'));
    const env = { REDIS_URL: redisUrl, HEARTH_HOME: home, HEARTH_CLAUDE_PATH: fakeClaude };
    const worker = await execa('node', [workerProgram], { env, reject: false, timeout: 30_000 });
    await rm(home, { recursive: true, force: true });
    expect(worker.exitCode).toBe(2);
    const last = JSON.parse(worker.stderr.trim().split('\n').at(-1) ?? '') as object;
    expect(last).toMatchObject({ level: 'fatal', err: { code } });
    return error;
  };
  expect(await ask('redis://127.0.0.1:1')).toMatchObject({
    code: 'redis_unreachable',
    field: 'redisUrl',
    wayOut: expect.any(String),
  });

  const old = await toldRedis({ version: '6.2.14', policy: 'noeviction' });
  expect(await ask(old)).toMatchObject({ code: 'redis_too_old', expected: 'Redis 7 or newer' });

  const folder = await mkdtemp(join(tmpdir(), 'hearth-evicting-'));
  const evicting = await startLocalRedis({ dataDir: folder });
  const client = new Redis(evicting.url);
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  expect(await ask(evicting.url)).toMatchObject({
    code: 'redis_evicting',
    field: 'maxmemory-policy',
    expected: 'noeviction',
  });
  client.disconnect();
  await evicting.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a worker leaves a turn whose profile it lacks to one that has it; when none has it the turn fails with the name', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    await cluster.worker({ claude: 'fake' });
    const waiting = await producer.session('special').prompt('hello', { profile: 'special' });
    const other = await producer.session('plain').prompt('hello');
    expect((await other.result()).text).toBe('Echo: hello');
    const able = await cluster.worker({ claude: 'fake', profiles: { special: {} } });
    expect(await waiting.result()).toMatchObject({ workerId: able.workerId, text: 'Echo: hello' });
    await expect(producer.session('special').prompt('again', { profile: 'default' })).rejects.toMatchObject({
      code: 'profile_mismatch',
    });

    const nobodys = await producer.session('nobodys').prompt('hello', { profile: 'nobodys' });
    await expect(nobodys.result()).rejects.toMatchObject({ code: 'profile_unknown', field: 'profile' });
    // The job ends after its turn.
    const [reason] = await eventually(async () => (await failedReasons(cluster)).length > 0 && failedReasons(cluster));
    expect(reason).toContain('profile_unknown');
  });
});

test.each([
  { what: 'is missing', script: undefined, code: 'claude_not_found' },
  {
    what: 'does not start',
    script: '#!/bin/sh\necho "no licence for this machine" >&2\nexit 3\n',
    code: 'agent_start_failed',
  },
  { what: 'does not initialise in time', script: '#!/bin/sh\nexec sleep 60\n', code: 'agent_start_timeout' },
])(
  'a claude binary that $what fails every waiting turn with its error; after the repair the sessions continue',
  async ({ script, code }) => {
    await withCluster(async (cluster) => {
      const folder = await cluster.folder();
      const claude = join(folder, 'claude');
      if (script !== undefined) await install(claude, script);
      const worker = await cluster.worker({
        profiles: { default: { startTimeoutMs: 1_500 } },
        env: { HEARTH_CLAUDE_PATH: claude },
      });
      const producer = cluster.producer();
      const turns = await Promise.all(
        ['a', 'a', 'b'].map((sessionId) => producer.session(sessionId).prompt(`hello ${sessionId}`)),
      );
      for (const turn of turns) {
        await expect(turn.result()).rejects.toMatchObject({
          code,
          field: expect.any(String),
          wayOut: expect.any(String),
        });
      }
      const later = await producer.session('c').prompt('hello');
      await expect(later.result()).rejects.toMatchObject({ code });
      expect(worker.log.some((line) => line['code'] === code)).toBe(true);
      // A job ends after its turn.
      const reasons = await eventually(async () => (await failedReasons(cluster)).length > 0 && failedReasons(cluster));
      for (const reason of reasons) expect(reason).toMatch(new RegExp(`^${code}`));

      // A working one, at the same path.
      await install(claude, `#!/bin/sh\nexec ${process.execPath} ${fakeClaude} "$@"\n`);
      const served = await eventually(async () => {
        const turn = await producer.session('a').prompt('Remember the number 3.');
        return turn.result().catch(() => undefined);
      });
      expect(served.text).toBe('I will remember the number 3.');
    });
  },
);

test('a job in `turns` that is no turn fails with the field named, and disturbs no other job', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 1 });
    const queue = new Queue(intakeQueue, { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
    await queue.add('turn', { sessionId: 'has space', seq: 1 });
    await eventually(async () => (await failedReasons(cluster)).length > 0);
    expect(await failedReasons(cluster)).toEqual([expect.stringMatching(/^invalid_job: .*data\.sessionId/)]);
    await queue.add('turn', { prompt: 'x', metadata: { deep: deep(3_000) } });
    await eventually(async () => (await failedReasons(cluster)).length > 1);
    expect(await failedReasons(cluster)).toContainEqual(expect.stringMatching(/^invalid_job: .*data\.metadata/));
    const fine = await cluster.producer().session('fine').prompt('hello');
    expect((await fine.result()).text).toBe('Echo: hello');
    await queue.close();
  });
});

async function install(path: string, script: string): Promise<void> {
  await writeFile(`${path}.new`, script);
  await chmod(`${path}.new`, 0o755);
  await rename(`${path}.new`, path);
}

/** The view of failed doorbells in Bull Board. */
async function failedReasons(cluster: Cluster): Promise<string[]> {
  const queue = new Queue(intakeQueue, { connection: cluster.redis, prefix: cluster.keys.options.queuePrefix });
  const jobs = await queue.getFailed();
  await queue.close();
  return jobs.map(({ failedReason }) => failedReason);
}
