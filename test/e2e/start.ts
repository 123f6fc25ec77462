import { expect } from 'vitest';
import type { Cluster } from '../support/cluster.js';
import { recalled } from '../support/turns.js';

/** What `hearth start` prints: a conversation with warm agents that remember, and beside each turn a run that starts its own. */
export function expectTheGain(lines: readonly Record<string, unknown>[]): void {
  expect(lines.map(({ kind }) => kind)).toEqual(['ready', ...Array.from({ length: 4 }, () => ['turn', 'cold']).flat()]);
  const [a1, b1, a2, b2] = lines.filter(({ kind }) => kind === 'turn');
  expect(a1).toMatchObject({ warmth: 'spare', result: 'I will remember the number 4711.' });
  expect(a2).toMatchObject({
    warmth: 'hot',
    seq: 2,
    result: recalled(4711),
    sessionId: a1?.['sessionId'],
    pid: a1?.['pid'],
    claudeSessionId: a1?.['claudeSessionId'],
  });
  expect(b2).toMatchObject({ warmth: 'hot', pid: b1?.['pid'], result: recalled(1234) });
  expect(b1?.['pid']).not.toBe(a1?.['pid']);
}

/** The environment of a machine without credentials and without a Redis URL, so that `up` starts its own Redis. */
export function withoutCredentials(cluster: Cluster): NodeJS.ProcessEnv {
  const given = /^(ANTHROPIC_|CLAUDE_CODE_OAUTH_TOKEN$|CLAUDE_CODE_USE_|REDIS_URL$)/;
  return Object.fromEntries(Object.entries(cluster.env).filter(([name]) => !given.test(name)));
}
