import { ControlRequests, createLogger, SessionLifecycle } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import type { AgentEvent, Answer } from '../../src/agent/driver.js';
import type { Outbox } from '../../src/session/outbox.js';
import { PermissionDesk } from '../../src/session/permission-desk.js';
import { fakeAgent } from '../support/agents.js';
import { claimSession, storeOf } from '../support/claimed.js';
import { runningTurn } from '../support/turns.js';

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
])('denies at the deadline when Redis has lost %s, and the clocks of the turn go on', async (_what, fence) => {
  await withRedis(async (world) => {
    const store = storeOf(world);
    const controls = new ControlRequests(store);
    await new SessionLifecycle(store).open('s', 'default');
    const claim = await claimSession(store, 'w-test');
    const answers: Answer[] = [];
    const agent = fakeAgent(1);
    agent.answer = (_requestId, answer) => void answers.push(answer);
    const desk = new PermissionDesk({
      sessionId: 's',
      fence: fence === 'another' ? '9.000000000000' : claim.fence,
      controls,
      // The store accepted the request, and has lost it.
      outbox: { askPermission: async () => ({ kind: 'ok' }) } as unknown as Outbox,
      policy: { permissionDeadlineMs: 20, permissionUnwatched: 'wait' },
      log: createLogger('test', 'silent'),
    });
    const running = runningTurn();
    desk.ask(agent, asked, running);
    await expect.poll(() => answers).toEqual([expect.objectContaining({ allow: false })]);
    const { runningMs } = running.progress;
    await expect.poll(() => running.progress.runningMs).toBeGreaterThan(runningMs);
  });
});
