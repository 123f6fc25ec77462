import { HearthError } from '@hearth/shared';
import { cancelledError, createLogger, SessionLifecycle, SessionStore, SessionWriter } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { refuseSession } from '../../src/session/refuse-session.js';
import { claimSession, storeOf, submitTurn } from '../support/claimed.js';

test('fails a turn that had changed something as interrupted, and names its tools to the next prompt', () =>
  withRedis(async (world) => {
    const store = storeOf(world);
    for (const turnId of ['changed', 'waits']) await submitTurn(store, turnId);
    const dead = await claimSession(store, 'w-dead', { seq: 1 });
    const writer = new SessionWriter(store, 's', dead);
    await writer.begin(1, { type: 'turn.started', seq: 1, turnId: 'changed', attempt: 1, workerId: 'w-dead' });
    await writer.reachTool(1, 'Bash', { type: 'tool.started', seq: 1, toolUseId: 't', name: 'Bash', input: '{}' });

    const heir = await claimSession(store, 'w-heir', { seq: 1, workerNumber: 2, deadFence: dead.fence });
    const error = new HearthError('agent_start_failed', 'no licence');
    const log = createLogger('test', 'silent');
    await refuseSession({ store, workerId: 'w-heir', log }, 's', heir, 1, error);
    const [changed, waits] = await store.turns('s', 2);
    expect(changed?.result).toMatchObject({ error: { code: 'interrupted', message: expect.stringContaining('Bash') } });
    expect(waits?.result).toMatchObject({ error: { code: 'agent_start_failed' } });

    await submitTurn(store, 'next');
    const later = await claimSession(store, 'w-later', { seq: 3, workerNumber: 3 });
    expect(later.note).toContain('Bash');
  }));

test('returns the result of a turn that was withdrawn after the log was read', () =>
  withRedis(async (world) => {
    const plain = storeOf(world);
    const store = new (class extends SessionStore {
      override async head(sessionId: string) {
        const turn = await super.head(sessionId);
        const lifecycle = new SessionLifecycle(plain);
        await lifecycle.withdraw(sessionId, 1, cancelledError('its caller cancelled it'));
        return turn;
      }
    })(plain.redis, plain.keys, plain.limits);
    await submitTurn(store);
    const claim = await claimSession(store, 'w', { seq: 1 });
    const deps = { store, workerId: 'w', log: createLogger('test', 'silent') };
    const refused = await refuseSession(deps, 's', claim, 1, new HearthError('profile_unknown', 'no such profile'));
    expect(refused).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
  }));
