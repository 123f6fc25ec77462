import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from '@hearth/producer';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

const sessions = 30;
const workers = 3;

/** Replaces the workers one by one under busy sessions. No turn may be lost or fail, and no effect may happen twice. */
async function keepsTurnsWhileWorkersAreReplaced(): Promise<void> {
  await withCluster(async (cluster) => {
    const folder = await cluster.folder();
    const effects = join(folder, 'effects');
    const profiles = { default: { allowedTools: ['Effect'], env: { FAKE_CLAUDE_EFFECTS: effects } } };
    const settings = {
      claude: 'fake',
      profiles,
      slots: sessions / 2,
      env: { HEARTH_DRAIN_DEADLINE_MS: '30000' },
    } as const;
    const fleet = await Promise.all(Array.from({ length: workers }, () => cluster.worker(settings)));

    const producer = cluster.producer();
    let isOver = false;
    const done: string[] = [];
    const talk = async (session: Session, name: string): Promise<void> => {
      for (let turn = 1; !isOver; turn += 1) {
        const text = `${name}-${turn}`;
        const prompt = `[[tool Effect ${JSON.stringify({ text, ms: 20 })}]] [[stream chunks=4 every=120ms]] go on`;
        const handle = await session.prompt(prompt);
        expect(await handle.result()).toMatchObject({ seq: turn, attempt: 1, toolCount: 1 });
        done.push(text);
      }
    };
    const talks = Array.from({ length: sessions }, (_, at) => talk(producer.session(`busy-${at}`), `busy-${at}`));
    const failed = Promise.all(talks);
    const rolled = (async () => {
      for (const old of fleet) {
        await cluster.worker(settings);
        expect(await old.stop()).toBe(0);
      }
    })();
    await Promise.race([rolled, failed]);
    await rolled;
    isOver = true;
    await failed;

    const happened = (await readFile(effects, 'utf8')).trim().split('\n');
    const texts = happened.map((line) => (JSON.parse(line) as { text: string }).text);
    expect(texts.sort()).toEqual(done.sort());
    expect(done.length).toBeGreaterThan(2 * sessions);
  });
}

test(
  '30 busy sessions lose no turn and repeat no effect while 3 workers are replaced one by one',
  keepsTurnsWhileWorkersAreReplaced,
);
