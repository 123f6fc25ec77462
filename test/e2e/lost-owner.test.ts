import { expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';

test('a session whose living owner has lost its own view of it can be closed', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', slots: 1 });
    const session = cluster.producer().session('s');
    await (await session.prompt('hello')).result();
    // Its next write finds a missing number, as after a failover: it ends the agent, and cannot release the lock.
    await cluster.redis.hset(cluster.keys.session('s').session, 'batch', 0);
    const turn = await session.prompt('again');
    const signs = ['session.write_failed', 'session.hand_over_failed'];
    await worker.logged(({ event }) => signs.includes(event));
    const ended = turn.result().catch((error: unknown) => error);
    expect(await session.close({ deadlineMs: 5_000 })).toBe(true);
    expect(await ended).toMatchObject({ code: 'cancelled' });
  });
});

test('a session whose owner died while it was idle is warmed by another worker', async () => {
  await withCluster(async (cluster) => {
    const owner = await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const session = cluster.producer().session('s');
    await (await session.prompt('hello')).result();
    const other = await cluster.worker({ claude: 'fake', slots: 1 });
    owner.signal('SIGKILL');
    // The lease may still live: then the queue of the dead worker is rung first, and no worker reads it.
    expect(await session.warm()).toMatchObject({ workerId: other.workerId, warmth: 'resumed' });
  });
});
