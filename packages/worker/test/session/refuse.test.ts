import {
  createLogger,
  defaultStoreLimits,
  HearthError,
  Keys,
  newRingId,
  SessionStore,
  SessionWriter,
} from '@hearth/shared';
import { expect, test } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { refuseSession } from '../../src/session/refuse.js';

test('a turn that had changed something before its worker died is told so when nobody can serve it, and the next prompt is told, too', () =>
  withRedis(async ({ redis, prefix }) => {
    const store = new SessionStore(redis, new Keys({ keyPrefix: prefix, queuePrefix: 'bull' }), defaultStoreLimits);
    for (const turnId of ['changed', 'waits']) {
      const request = { prompt: turnId, onInterrupted: 'fail' as const };
      await store.submit({ sessionId: 's', turnId, request, profile: undefined, ringId: newRingId() });
    }
    const dead = await store.claim('s', 1, { workerId: 'w-dead', workerNumber: 1 });
    if (dead.kind !== 'mine') throw new Error(`the claim answered ${dead.kind}`);
    const writer = new SessionWriter(store, 's', dead.claim);
    await writer.begin(1, { type: 'turn.started', seq: 1, turnId: 'changed', attempt: 1, workerId: 'w-dead' });
    await writer.reachTool(1, 'Bash', { type: 'tool.started', seq: 1, toolUseId: 't', name: 'Bash', input: '{}' });

    const heir = await store.claim('s', 1, { workerId: 'w-heir', workerNumber: 2 }, dead.claim.fence);
    if (heir.kind !== 'mine') throw new Error(`the claim answered ${heir.kind}`);
    const error = new HearthError('agent_start_failed', 'no licence');
    const log = createLogger('test', 'silent');
    await refuseSession({ store, workerId: 'w-heir', log }, 's', heir.claim, 1, error);
    const [changed, waits] = await store.turns('s', 2);
    expect(changed?.result).toMatchObject({ error: { code: 'interrupted', message: expect.stringContaining('Bash') } });
    expect(waits?.result).toMatchObject({ error: { code: 'agent_start_failed' } });

    await store.submit({
      sessionId: 's',
      turnId: 'next',
      request: { prompt: 'next', onInterrupted: 'fail' },
      profile: undefined,
      ringId: newRingId(),
    });
    const later = await store.claim('s', 3, { workerId: 'w-later', workerNumber: 3 });
    expect(later).toMatchObject({ kind: 'mine', claim: { note: expect.stringContaining('Bash') } });
  }));
