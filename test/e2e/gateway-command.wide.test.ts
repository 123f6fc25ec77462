import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { hearth, watch } from '../support/command.js';
import { receive } from '../support/event-source.js';
import { eventually } from '../support/facts.js';
import { bearer, testTokens } from '../support/gateway.js';
import { fakeClaude } from '../support/programs.js';
import { expectTheGain } from './start.js';

/** A port that no process listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const environmentOf = async (cluster: Cluster): Promise<NodeJS.ProcessEnv> => ({
  ...cluster.env,
  HEARTH_HOME: await cluster.folder(),
});

test('up --port serves HTTP on that port until Ctrl-C', async () => {
  await withCluster(async (cluster) => {
    const port = await freePort();
    const env = { ...(await environmentOf(cluster)), HEARTH_CLAUDE_PATH: fakeClaude };
    const up = watch(['up', '--demo', '--port', String(port), '--json'], env);
    const ready = JSON.parse(await up.said(/"kind":"ready"/)) as { gateway: string };
    expect(ready.gateway).toBe(`http://127.0.0.1:${port}`);
    expect(await (await fetch(`${ready.gateway}/readyz`)).json()).toEqual({ status: 'ready', workers: 1 });
    const turn = await fetch(`${ready.gateway}/v1/sessions/s/turns?wait=30`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'hello' }),
    });
    expect(await turn.json()).toMatchObject({ status: 'finished', text: 'Echo: hello', warmth: 'spare' });
    expect(await up.leave()).toBe(0);
    await expect(fetch(`${ready.gateway}/healthz`)).rejects.toThrow();
  });
});

// The real CLI: this is the first command of the README.
test('start --port is ready before it shows the gain, and serves until Ctrl-C', async () => {
  await withCluster(async (cluster) => {
    const port = await freePort();
    const start = watch(['start', '--demo', '--port', String(port), '--json'], await environmentOf(cluster));
    const ready = JSON.parse(await start.said(/"kind":"ready"/)) as { gateway: string };
    expect(ready.gateway).toBe(`http://127.0.0.1:${port}`);
    expect(await (await fetch(`${ready.gateway}/readyz`)).json()).toEqual({ status: 'ready', workers: 1 });
    await eventually(() => start.lines.filter((line) => line.includes('"kind":"cold"')).length === 4);
    expectTheGain(start.lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : [])));
    expect((await fetch(`${ready.gateway}/healthz`)).status).toBe(200);
    expect(await start.leave()).toBe(0);
    await expect(fetch(`${ready.gateway}/healthz`)).rejects.toThrow();
  });
});

test('gateway serves with tokens from a file, ends its streams at SIGTERM, and refuses other hosts without tokens', async () => {
  await withCluster(async (cluster) => {
    const env = await environmentOf(cluster);
    const taken = await freePort();
    const tokens = join(await cluster.folder(), 'tokens.json');
    await writeFile(tokens, JSON.stringify([testTokens.read]));
    const gateway = watch(['gateway', '--host', '0.0.0.0', '--port', String(taken), '--tokens', tokens], env);
    const refused = hearth(['gateway', '--host', '0.0.0.0', '--port', '0'], env);
    const { url } = JSON.parse(await gateway.said(/"kind":"gateway"/)) as { url: string };
    expect(url).toBe(`http://0.0.0.0:${taken}`);
    const second = await hearth(['gateway', '--port', String(taken)], env);
    expect(second).toMatchObject({ code: 2, stderr: expect.stringContaining('EADDRINUSE') });
    expect(await refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Without tokens the gateway does not listen on 0.0.0.0'),
    });
    const here = `http://127.0.0.1:${taken}/v1/sessions`;
    expect((await fetch(here)).status).toBe(401);
    const stream = await fetch(`${here}/s/events`, { headers: bearer(testTokens.read) });
    const comments: string[] = [];
    const code = gateway.leave();
    for await (const _ of receive(stream, (comment) => comments.push(comment.trim()))) break;
    expect(comments).toEqual(['come back']);
    expect(await code).toBe(0);
  });
});
