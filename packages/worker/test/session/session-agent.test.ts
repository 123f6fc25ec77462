import { tmpdir } from 'node:os';
import { createLogger, HearthError, profileSchema } from '@hearth/shared';
import { describe, expect, test } from 'vitest';
import type { Outbox } from '../../src/session/outbox.js';
import type { PermissionDesk } from '../../src/session/permission-desk.js';
import { SessionAgent } from '../../src/session/session-agent.js';
import { answered, type HandAgent, handAgent, handOf } from './agents.js';

/** A session that meets these agents, one after the other; an error is a start that failed. */
function sessionWith(...agents: (HandAgent | HearthError)[]): SessionAgent {
  const outbox = { event: () => undefined, transcript: () => undefined };
  return new SessionAgent({
    workspace: tmpdir(),
    newAgent: async () => {
      const next = agents.shift();
      if (next === undefined) throw new HearthError('agent_start_failed', 'there is no agent more');
      if (next instanceof HearthError) throw next;
      return { agent: next, warmth: 'spare' };
    },
    outbox: outbox as unknown as Outbox,
    desk: { clear: () => undefined } as unknown as PermissionDesk,
    clocks: profileSchema.parse({}),
    onIdleExit: () => undefined,
    log: createLogger('test', 'silent'),
  });
}

describe('the agent of a session', () => {
  test('keeps nothing of the turns it has served: nobody waits once more for its end with each', async () => {
    const agent = handAgent(1);
    const session = sessionWith(agent);
    await session.meet();
    const before = agent.waitedFor;
    for (let seq = 1; seq <= 50; seq += 1) {
      const ended = session.exchange(handOf(seq), agent, 'x');
      agent.say(answered);
      expect(await ended).toMatchObject({ kind: 'answered' });
    }
    expect(agent.waitedFor).toBe(before);
  });

  test.each(['before its exchange', 'during it'])('that dies %s is gone to its turn', async (when) => {
    const agent = handAgent(1);
    const session = sessionWith(agent);
    await session.meet();
    if (when === 'before its exchange') {
      agent.die({ code: 7 });
      await agent.exited;
    }
    const ended = session.exchange(handOf(1), agent, 'x');
    if (when === 'during it') agent.die({ code: 7 });
    expect(await ended).toMatchObject({ kind: 'agent_gone', exit: { code: 7 } });
  });

  test('that is to stop for one reason is not stopped for another, nor is another turn in its slot', async () => {
    const agent = handAgent(1);
    const session = sessionWith(agent);
    await session.meet();
    void session.exchange(handOf(1), agent, 'x');
    const overdue = new HearthError('turn_timeout', 'it ran too long');
    const why = new HearthError('interrupted', 'somebody asked');
    session.stop(1, overdue);
    session.stop(2, why);
    session.stop(1, why);
    expect(session.stopReason(1)).toBe(overdue);
    expect(session.stopReason(2)).toBe(why);
    session.closeTurn(1);
    expect([session.stopReason(1), session.stopReason(2)]).toEqual([undefined, why]);
    agent.say(answered);
  });

  test('is waited for by whoever refuses the session while it is being ended: the lock is given back after that', async () => {
    const agent = handAgent(1);
    const asked: string[] = [];
    const end = agent.end.bind(agent);
    agent.end = async (how) => {
      asked.push(how);
      return how === 'now' ? end(how) : agent.exited;
    };
    const session = sessionWith(agent);
    await session.meet();
    const ended = session.end('ask');
    await session.refuse();
    expect([asked, agent.isEnded]).toEqual([['ask', 'now'], true]);
    await ended;
  });

  test('is another when a spare cannot be bound, or dies while it starts, once', async () => {
    const deaf = handAgent(1, async () => Promise.reject(new HearthError('agent_start_timeout', 'deaf')));
    const died = new HearthError('agent_start_failed', 'died');
    expect(await sessionWith(deaf, handAgent(2)).meet()).toMatchObject({ kind: 'met', agent: { pid: 2 } });
    expect(deaf.isEnded).toBe(true);
    expect(await sessionWith(died, handAgent(3)).meet()).toMatchObject({ kind: 'met', agent: { pid: 3 } });
    expect(await sessionWith(died, died, handAgent(4)).meet()).toMatchObject({ kind: 'failed', error: died });
    const missing = new HearthError('claude_not_found', 'no binary');
    expect(await sessionWith(missing, handAgent(5)).meet()).toMatchObject({ kind: 'failed', error: missing });
  });
});
