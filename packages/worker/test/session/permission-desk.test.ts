import { ControlRequests, createLogger, defaultStoreLimits, Keys, SessionStore } from '@hearth/shared';
import { expect, test } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import type { AgentEvent, Answer } from '../../src/agent/driver.js';
import type { Outbox } from '../../src/session/outbox.js';
import { PermissionDesk } from '../../src/session/permission-desk.js';
import { handAgent, handOf } from './agents.js';

const asked: Extract<AgentEvent, { kind: 'permission' }> = {
  kind: 'permission',
  requestId: 'r1',
  toolUseId: 'u1',
  name: 'Bash',
  input: {},
  suggestions: [],
  parentToolUseId: undefined,
};

test.each([
  ['the request', 'its own'],
  ['the claim', 'another'],
])(
  'when Redis has lost %s, the deadline is the end of it all the same: the agent and the clocks go on',
  async (_what, fence) => {
    await withRedis(async ({ redis, prefix }) => {
      const store = new SessionStore(redis, new Keys({ keyPrefix: prefix, queuePrefix: 'bull' }), defaultStoreLimits);
      const controls = new ControlRequests(store);
      await controls.open('s', 'default');
      const claimed = await store.claim('s', 0, { workerId: 'w-test', workerNumber: 1 });
      if (claimed.kind !== 'mine') throw new Error(`the claim answered ${claimed.kind}`);
      const answers: Answer[] = [];
      const agent = handAgent(1);
      agent.answer = (_requestId, answer) => void answers.push(answer);
      const desk = new PermissionDesk({
        sessionId: 's',
        fence: fence === 'another' ? '9.000000000000' : claimed.claim.fence,
        controls,
        // The store said yes, and has nothing of it.
        outbox: { askPermission: async () => ({ kind: 'ok' }) } as unknown as Outbox,
        policy: { permissionDeadlineMs: 20, permissionUnwatched: 'wait' },
        log: createLogger('test', 'silent'),
      });
      const hand = handOf(1);
      desk.ask(agent, asked, hand);
      await expect.poll(() => answers).toEqual([expect.objectContaining({ allow: false })]);
      const { runningMs } = hand.standing;
      await expect.poll(() => hand.standing.runningMs).toBeGreaterThan(runningMs);
    });
  },
);
