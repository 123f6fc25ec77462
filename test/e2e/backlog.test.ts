import type { Producer } from '@hearth/producer';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

const backlog = 100;
const others = 5;
/** What each turn of the backlog takes: enough that waiting behind it would show. */
const slow = '[[delay 20ms]] work';

interface Delays {
  alone: number;
  beside: number;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** Queueing times of some other sessions' turns, one after the other. */
async function queued(producer: Producer, prefix: string): Promise<number> {
  const waits: number[] = [];
  for (let n = 0; n < others; n += 1) {
    const { timings } = await (await producer.session(`${prefix}-${n}`).prompt('hello')).result();
    waits.push(timings.queuedMs);
  }
  return median(waits);
}

test.each(['intake', 'sticky'] as const)(
  'a session with a backlog of 100 does not delay other sessions (%s)',
  async (where) => {
    await withCluster(async (cluster) => {
      await cluster.worker({ claude: 'fake', places: 14 });
      const producer = cluster.producer({ backlogLimit: 200 });
      // The others are at home already in the sticky case, and new ones in intake.
      const prefix = (round: string): string => (where === 'sticky' ? 'other' : round);
      if (where === 'sticky') {
        await queued(producer, prefix(''));
        await (await producer.session('long').prompt('hello')).result();
      }
      const delays: Delays = { alone: await queued(producer, prefix('before')), beside: 0 };
      const long = await Promise.all(Array.from({ length: backlog }, () => producer.session('long').prompt(slow)));
      let left = backlog;
      const done = long.map((turn) => turn.result().then(() => (left -= 1)));
      delays.beside = await queued(producer, prefix('beside'));
      // They were served while most of the backlog waited: that is the fact, the times beside it are for people.
      expect(left).toBeGreaterThan(backlog / 2);
      await Promise.all(done);
      process.stderr.write(
        `${where}: other sessions queued ${delays.alone} ms alone, ${delays.beside} ms beside a backlog of ${backlog} (median of ${others})\n`,
      );
    });
  },
);

test('a backlog that stands in intake before a full worker hides nobody behind it', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer({ backlogLimit: 200 });
    // No worker lives yet: all doorbells stand in intake, the other session's last.
    const long = await Promise.all(Array.from({ length: backlog }, () => producer.session('long').prompt('work')));
    const short = await producer.session('short').prompt('hello');
    let left = backlog;
    const done = long.map((turn) => turn.result().then(() => (left -= 1)));
    await cluster.worker({ claude: 'fake', places: 1 });
    await short.result();
    expect(left).toBeGreaterThan(backlog / 2);
    await Promise.all(done);
  });
});
