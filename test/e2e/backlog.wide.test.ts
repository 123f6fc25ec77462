import type { TurnHandle } from '@hearth/producer';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { submitUncalled } from '../support/deaf.js';

const backlog = 60;
const others = 4;
/** The duration of each turn of the backlog: enough that waiting for one would show. */
const slow = '[[delay 200ms]] work';

/** Serves turns one after the other. */
async function serve(turns: Iterable<() => Promise<TurnHandle>>): Promise<void> {
  for (const submit of turns) await (await submit()).result();
}

/** Turns of new sessions. */
const ofNewSessions = (cluster: Cluster, when: string) =>
  Array.from({ length: others }, (_, n) => () => cluster.producer().session(`${when}-${n}`).prompt('hello'));

/** Turns of owned sessions, whose doorbells are in a worker queue. */
const ofKnownSessions = (cluster: Cluster, turnId: string) =>
  Array.from({ length: others }, (_, n) => async () => {
    const sessionId = `other-${n}`;
    await submitUncalled(cluster, { sessionId, turnId, prompt: 'hello' });
    return cluster.producer().session(sessionId).follow(turnId);
  });

test.each(['intake', 'sticky'] as const)(
  'a session with a long backlog does not delay other sessions (%s)',
  async (where) => {
    await withCluster(async (cluster) => {
      // A spare for each session from the start: the duration of a start is not tested here.
      const slots = 1 + 2 * others;
      await cluster.worker({ claude: 'fake', slots, profiles: { default: { spares: slots } } });
      const session = cluster.producer({ backlogLimit: 200 }).session('long');
      await (await session.prompt('hello')).result();
      if (where === 'sticky') await serve(ofKnownSessions(cluster, 'first'));
      const turns = where === 'sticky' ? ofKnownSessions : ofNewSessions;
      const long = await Promise.all(Array.from({ length: backlog }, () => session.prompt(slow)));
      let left = backlog;
      const done = long.map((turn) => turn.result().then(() => (left -= 1)));
      // The last ones are cancelled at the end.
      const ended = Promise.allSettled(done);
      await serve(turns(cluster, 'beside'));
      // They were served while most of the backlog waited, without waiting for a single turn of it.
      expect(left).toBeGreaterThan(backlog / 2);
      await session.close();
      await ended;
    });
  },
);

test('a backlog in intake before a full worker does not delay sessions behind it', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer({ backlogLimit: 200 });
    // No worker lives yet: all doorbells are in intake, the other session's last.
    const long = await Promise.all(Array.from({ length: backlog }, () => producer.session('long').prompt('work')));
    const short = await producer.session('short').prompt('hello');
    let left = backlog;
    const done = long.map((turn) => turn.result().then(() => (left -= 1)));
    await cluster.worker({ claude: 'fake', slots: 1 });
    await short.result();
    expect(left).toBeGreaterThan(backlog / 2);
    await Promise.all(done);
  });
});
