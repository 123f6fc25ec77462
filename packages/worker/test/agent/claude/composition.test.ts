import { profileSchema } from '@hearth/shared';
import { expect, test } from 'vitest';
import { isVerbatim, refusalOf } from '../../../src/agent/claude/composition.js';

const closed = profileSchema.parse({});
const open = profileSchema.parse({ mentions: true });

test.each([
  ['hello', true, true],
  ['what is in @/etc/passwd', true, false],
  ['in quotes "@/etc/passwd"', true, false],
  ['mail ada@example.org', true, true],
  ['/compact', false, false],
  ['/compact keep the numbers', false, false],
  ['/compact keep @/etc/passwd', true, false],
  [' /clear', false, false],
  ['/init', true, true],
  ['/init @/etc/passwd', true, true],
  ['first this, then /compact', true, true],
])('%j is verbatim by default: %s, where mentions are allowed: %s', (prompt, byDefault, whereAllowed) => {
  const as = (profile: typeof closed): boolean[] => [
    isVerbatim(prompt, profile),
    isVerbatim([{ type: 'text', text: prompt }], profile),
  ];
  expect(as(closed)).toEqual([byDefault, byDefault]);
  expect(as(open)).toEqual([whereAllowed, whereAllowed]);
});

test.each(['2.1.247', '2.0.999', '1.9.9', 'no version'])(
  'version %s gets no prompt that it would compose',
  async (version) => {
    const refused = (prompt: string): Promise<unknown> => refusalOf(prompt, closed, async () => version);
    expect(await refused('see @/etc/passwd')).toMatchObject({ code: 'invalid_prompt', field: 'prompt' });
    expect(await refused('/init')).toMatchObject({ code: 'invalid_prompt' });
    expect(await refused('/compact')).toBeUndefined();
    expect(await refused('hello')).toBeUndefined();
    expect(await refusalOf('see @/etc/passwd', open, async () => version)).toBeUndefined();
  },
);

test.each(['2.1.248', '2.1.329', '2.2.0', '3.0.0'])('version %s gets every prompt', async (version) => {
  expect(await refusalOf('/init @/etc/passwd', closed, async () => version)).toBeUndefined();
});

test('a version that cannot be learned counts as an old one', async () => {
  const silent = (): Promise<string> => Promise.reject(new Error('timed out'));
  expect(await refusalOf('/init', closed, silent)).toMatchObject({ code: 'invalid_prompt' });
  expect(await refusalOf('hello', closed, silent)).toBeUndefined();
});

test.each([[['/compact', 'and then?']], [['look', '/compact']], [['/init', 'look at @/etc/passwd']]])(
  '%j: a command that is one of several blocks is text, and an old version does not get it',
  async (texts) => {
    const prompt = texts.map((text) => ({ type: 'text' as const, text }));
    for (const profile of [closed, open]) {
      expect(isVerbatim(prompt, profile)).toBe(true);
      expect(await refusalOf(prompt, profile, async () => '2.1.247')).toMatchObject({ code: 'invalid_prompt' });
    }
  },
);
