import { tmpdir } from 'node:os';
import { HearthError, profileSchema } from '@hearth/shared';
import { createLogger } from '@hearth/shared/internal';
import { describe, expect, test } from 'vitest';
import { agentLimitsSchema } from '../../src/session/limits.js';
import type { Outbox } from '../../src/session/outbox.js';
import { Ownership } from '../../src/session/ownership.js';
import type { PermissionDesk } from '../../src/session/permission-desk.js';
import { SessionAgent } from '../../src/session/session-agent.js';
import { type FakeAgent, fakeAgent, finished } from '../support/agents.js';
import { claimOf, runningTurn } from '../support/turns.js';

/** A session that acquires these agents, one after the other. An error is a start that failed. */
function sessionWith(...agents: (FakeAgent | HearthError)[]) {
  const ownership = new Ownership(claimOf());
  const session = new SessionAgent({
    workspace: tmpdir(),
    newAgent: async () => {
      const next = agents.shift();
      if (next === undefined) throw new HearthError('agent_start_failed', 'no agent is left');
      if (next instanceof HearthError) throw next;
      return { agent: next, warmth: 'spare' };
    },
    ownership,
    outbox: { event: () => undefined, transcript: () => undefined } as unknown as Outbox,
    desk: { clear: () => undefined } as unknown as PermissionDesk,
    clocks: profileSchema.parse({}),
    limits: agentLimitsSchema.parse({}),
    onIdleExit: () => undefined,
    log: createLogger('test', 'silent'),
  });
  return { session, ownership };
}

describe('the agent of a session', () => {
  test('adds no wait for its exit with each turn', async () => {
    const agent = fakeAgent(1);
    const { session } = sessionWith(agent);
    await session.acquire();
    const before = agent.exitWaits;
    for (let seq = 1; seq <= 50; seq += 1) {
      const ended = session.runPrompt(runningTurn(seq), agent, 'x');
      agent.say(finished);
      expect(await ended).toMatchObject({ kind: 'answered' });
    }
    expect(agent.exitWaits).toBe(before);
  });

  test('gives the running turn a sign of life with every line', async () => {
    const agent = fakeAgent(1);
    const { session } = sessionWith(agent);
    await session.acquire();
    const running = runningTurn();
    void session.runPrompt(running, agent, 'x');
    expect(running.progress.hasSpoken).toBe(false);
    agent.say({ kind: 'line' });
    expect(running.progress.hasSpoken).toBe(true);
    agent.say(finished);
  });

  test.each(['before its exchange', 'during its exchange'])('ends the exchange when it dies %s', async (when) => {
    const agent = fakeAgent(1);
    const { session } = sessionWith(agent);
    await session.acquire();
    if (when === 'before its exchange') {
      agent.die({ code: 7 });
      await agent.exited;
    }
    const ended = session.runPrompt(runningTurn(), agent, 'x');
    if (when === 'during its exchange') agent.die({ code: 7 });
    expect(await ended).toMatchObject({ kind: 'agent_gone', exit: { code: 7 } });
  });

  test('keeps the first reason to stop a turn, and the reasons of other turns', async () => {
    const agent = fakeAgent(1);
    const { session } = sessionWith(agent);
    await session.acquire();
    void session.runPrompt(runningTurn(1), agent, 'x');
    const overdue = new HearthError('turn_timeout', 'it ran too long');
    const stopped = new HearthError('interrupted', 'a caller interrupted it');
    session.stop(1, overdue);
    session.stop(2, stopped);
    session.stop(1, stopped);
    expect(session.stopReason(1)).toBe(overdue);
    expect(session.stopReason(2)).toBe(stopped);
    session.closeTurn(1);
    expect([session.stopReason(1), session.stopReason(2)]).toEqual([undefined, stopped]);
    agent.say(finished);
  });

  test('is killed when the session is lost while it is being ended', async () => {
    const agent = fakeAgent(1);
    const asked: string[] = [];
    const end = agent.end.bind(agent);
    agent.end = async (how) => {
      asked.push(how);
      return how === 'now' ? end(how) : agent.exited;
    };
    const { session, ownership } = sessionWith(agent);
    await session.acquire();
    const ended = session.end('ask');
    ownership.lose('fenced');
    await ended;
    expect([asked, agent.isEnded]).toEqual([['ask', 'now'], true]);
  });

  test('is acquired only after the agent before it is gone', async () => {
    const [first, second] = [fakeAgent(1), fakeAgent(2)];
    first.end = async () => first.exited;
    const { session } = sessionWith(first, second);
    await session.acquire();
    const ended = session.end('ask');
    let isAcquired = false;
    const acquired = session.acquire().then((outcome) => {
      isAcquired = true;
      return outcome;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isAcquired).toBe(false);
    first.die();
    await ended;
    expect(await acquired).toMatchObject({ kind: 'acquired', agent: { pid: 2 } });
  });

  test('has its output refused and counted once the session is lost', async () => {
    const agent = fakeAgent(1);
    agent.end = async () => agent.exited;
    const answers: unknown[] = [];
    agent.answer = (_requestId, answer) => void answers.push(answer);
    const { session, ownership } = sessionWith(agent);
    await session.acquire();
    ownership.lose('fenced');
    agent.say({ kind: 'status', status: 'x' });
    agent.say({
      kind: 'gate',
      requestId: 'r',
      toolUseId: 't',
      name: 'Bash',
      input: {},
      parentToolUseId: undefined,
    });
    expect([ownership.refusedWrites, answers]).toEqual([2, [expect.objectContaining({ allow: false })]]);
    agent.die();
  });

  test('is replaced once when a spare cannot be bound, or a start fails', async () => {
    const deaf = fakeAgent(1, async () => Promise.reject(new HearthError('agent_start_timeout', 'deaf')));
    const died = new HearthError('agent_start_failed', 'died');
    const acquire = (...agents: (FakeAgent | HearthError)[]) => sessionWith(...agents).session.acquire();
    expect(await acquire(deaf, fakeAgent(2))).toMatchObject({ kind: 'acquired', agent: { pid: 2 } });
    expect(deaf.isEnded).toBe(true);
    expect(await acquire(died, fakeAgent(3))).toMatchObject({ kind: 'acquired', agent: { pid: 3 } });
    expect(await acquire(died, died, fakeAgent(4))).toMatchObject({ kind: 'failed', error: died });
    const missing = new HearthError('claude_not_found', 'no binary');
    expect(await acquire(missing, fakeAgent(5))).toMatchObject({ kind: 'failed', error: missing });
  });
});
