import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { hearth, watch } from '../support/command.js';
import { shareCluster } from '../support/shared-cluster.js';
import { firstEvent, remember } from '../support/turns.js';

const shared = shareCluster({ claude: 'fake', profiles: { default: { allowedTools: ['Bash'] } } });

const envOf = async (cluster: Cluster): Promise<NodeJS.ProcessEnv> => ({
  ...cluster.env,
  HEARTH_HOME: await cluster.folder(),
});

test('attach shows the record of a session, then its events, other prompts and tools included', async () => {
  const { cluster } = shared();
  const session = shared().session();
  await (await session.prompt(remember(6))).result();
  const attached = watch(['attach', session.sessionId], await envOf(cluster));
  expect(await attached.said(/^1 > /)).toBe('1 > Remember the number 6.');
  await attached.said(/^I will remember the number 6\.$/);
  await (await session.prompt('[[tool Bash {"command":"echo shown"}]] go')).result();
  await attached.said(/^2 > .*go$/);
  await attached.said(/⏺ Bash/);
  await attached.said(/✓ shown/);
  await attached.said(/^The tools answered: shown$/);
  // Each line appears once, although the record and the stream overlap.
  expect(attached.lines.filter((line) => line === 'I will remember the number 6.')).toHaveLength(1);
  expect(await attached.leave()).toBe(0);
  expect((await (await session.prompt('hello')).result()).warmth).toBe('hot');
});

test('attach waits for a session to open, shows a running turn from its beginning, and sees the session closed', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const env = await envOf(cluster);
    const session = cluster.producer().session('s');
    const early = watch(['attach', 's', '--json'], env);
    await early.said(/is not open/);
    // The turn runs longer than another command takes to start on a busy machine.
    const words = Array.from({ length: 30 }, (_, at) => `w${at}`).join(' ');
    const turn = await session.prompt(`[[stream chunks=30 every=200ms]] ${words}`);
    await firstEvent(turn, 'text.delta');
    const late = watch(['attach', 's', '--json'], env);
    const text = (lines: readonly string[]): string =>
      lines
        .filter((line) => line.startsWith('{"type":"text.delta"'))
        .map((line) => (JSON.parse(line) as { text: string }).text)
        .join('');
    for (const attached of [early, late]) {
      await attached.said(/"turn\.finished"/);
      expect(text(attached.lines)).toBe(`Echo: ${words}`);
    }
    expect((await hearth(['close', 's', '--json'], env)).lines).toEqual([
      { kind: 'closed', sessionId: 's', closed: true },
    ]);
    await early.said(/"session\.closed"/);
    await (await session.prompt('anew')).result();
    await early.said(/"text":"Echo: anew"/);
    expect(await hearth(['close', 's', 'unknown'], env)).toMatchObject({
      code: 1,
      stdout: 'closed s\nthere is no session unknown',
    });
    await Promise.all([early.leave(), late.leave()]);
  });
});

test('attach --raw shows the lines to and from the agent and its stderr while it watches', async () => {
  const { cluster } = shared();
  const session = shared().session();
  await (await session.prompt('hello')).result();
  const attached = watch(['attach', session.sessionId, '--raw', '--json'], await envOf(cluster));
  await attached.said(/to the agent/);
  // The worker begins to send them at a message, which may arrive after some prompts.
  const seen = attached.said(/"way":"in".*raw please/);
  let done = false;
  void seen.then(() => {
    done = true;
  });
  while (!done) await (await session.prompt('[[stderr 200B]] raw please')).result();
  const lines = attached.lines.flatMap((line) =>
    line.startsWith('{') ? [JSON.parse(line) as { way: string; line: string }] : [],
  );
  await attached.said(/"way":"out".*\\"type\\":\\"result\\"/);
  await attached.said(/"way":"err"/);
  expect(lines.find(({ way }) => way === 'in')?.line).toContain('"type":"user"');
  await attached.leave();
});

test('sessions --watch prints each change', async () => {
  const { cluster } = shared();
  const env = await envOf(cluster);
  const watching = watch(['sessions', '--watch', '--json'], env);
  const session = shared().session();
  await (await session.prompt('hello')).result();
  await watching.said(new RegExp(`"${session.sessionId}".*"turns":1`));
  await (await session.prompt('hello')).result();
  await watching.said(new RegExp(`"${session.sessionId}".*"turns":2`));
  await session.close();
  await watching.said(new RegExp(`"kind":"closed","sessionId":"${session.sessionId}"`));
  expect(await watching.leave()).toBe(0);
});
