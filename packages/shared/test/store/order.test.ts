import { describe, expect, it } from 'vitest';
import type { SessionStore } from '../../src/internal.js';
import { withStore } from '../support/redis.js';
import { commitInput, started } from '../support/samples.js';
import { sessionId, submit, submitAndClaim, turn } from '../support/turns.js';

const log = async (store: SessionStore): Promise<number[]> =>
  (await store.redis.zrange(store.keys.session(sessionId).log, '0', '-1')).map(Number);

describe('an interrupting turn', () => {
  it('overtakes the waiting turns and stays behind the running turn', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await submit(store, 't2');
      await submit(store, 't3');
      expect(await writer.begin(1, started(1, 't1', 'w1'))).toMatchObject({ kind: 'ok' });
      const interrupting = [3, 2];
      for (let seq = 4; seq <= 12; seq += 1) {
        expect(await submit(store, `t${seq}`, { onBusy: 'interrupt' })).toMatchObject({ seq });
        interrupting.push(seq);
      }
      // The last interrupting turn is first. The waiting turns keep their order.
      expect(await log(store)).toEqual([1, ...interrupting.slice(2).reverse(), 2, 3]);
      expect(await store.head(sessionId)).toMatchObject({ seq: 1, isToStop: true });
      await writer.commit(1, commitInput(turn(1), {}));
      expect(await store.head(sessionId)).toMatchObject({ seq: 12, isToStop: false });
    }));

  it('does not stop a turn that has not begun', () =>
    withStore(async ({ store }) => {
      await submitAndClaim(store);
      await submit(store, 't2', { onBusy: 'interrupt' });
      expect(await store.head(sessionId)).toMatchObject({ seq: 2, isToStop: false });
      expect(await log(store)).toEqual([2, 1]);
    }));
});
