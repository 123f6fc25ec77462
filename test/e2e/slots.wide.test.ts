import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { Random } from '../support/random.js';

const recall = 'What number did I ask you to remember?';

test('serves 24 sessions of the real CLI in random order on 4 slots, and each remembers', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ slots: 4 });
    const producer = cluster.producer();
    const numbers = Array.from({ length: 24 }, (_, n) => n);
    const random = new Random(1);
    const say = async (n: number, words: string) => (await producer.session(`s-${n}`).prompt(words)).result();
    await Promise.all(random.shuffled(numbers).map((n) => say(n, `Remember the number ${n}7.`)));
    const answers = await Promise.all(random.shuffled(numbers).map(async (n) => ({ n, ...(await say(n, recall)) })));
    for (const { n, text } of answers) expect(text).toBe(`You asked me to remember the number ${n}7.`);
    expect(answers.map(({ warmth }) => warmth)).toContain('resumed');
    const [record] = await producer.workers();
    expect(record?.slots.total).toBe(4);
    expect((record?.slots.busy ?? 0) + (record?.slots.idle ?? 0) + (record?.slots.spare ?? 0)).toBeLessThanOrEqual(4);
    expect(worker.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
