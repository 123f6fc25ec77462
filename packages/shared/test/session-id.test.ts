import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSessionId, HearthError, sessionIdSchema } from '../src/index.js';
import { decodeSessionId, encodeSessionId, Keys, sessionFolder, shardCount, shardOf } from '../src/internal.js';

const ordinary = fc.constantFrom(
  'a',
  'A',
  'ä',
  'Ä',
  '_',
  '.',
  '/',
  '-',
  '+',
  ':',
  '@',
  '0',
  '{',
  '漢',
  '😀',
  '..',
  '__',
);
const sessionId = fc
  .oneof(
    fc.array(ordinary, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('')),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    fc.string({ unit: fc.constantFrom('a', '漢'), minLength: 60, maxLength: 200 }),
  )
  .filter((id) => sessionIdSchema.safeParse(id).success);

describe('the encoding of a session id', () => {
  it('is reversible', () => {
    fc.assert(
      fc.property(sessionId, (id) => {
        expect(decodeSessionId(encodeSessionId(id))).toBe(id);
      }),
    );
  });

  it('differs for two ids, also without regard to case', () => {
    fc.assert(
      fc.property(sessionId, sessionId, (a, b) => {
        fc.pre(a !== b);
        expect(encodeSessionId(a).toLowerCase()).not.toBe(encodeSessionId(b).toLowerCase());
        expect(sessionFolder(a).toLowerCase()).not.toBe(sessionFolder(b).toLowerCase());
      }),
    );
    expect(encodeSessionId('A').toLowerCase()).not.toBe(encodeSessionId('a').toLowerCase());
  });

  it('contains only a-z 0-9 - _', () => {
    fc.assert(
      fc.property(sessionId, (id) => {
        expect(encodeSessionId(id)).toMatch(/^[a-z0-9_-]+$/);
      }),
    );
  });
});

describe('the folder of a session', () => {
  it('is never inside the folder of another session', () => {
    fc.assert(
      fc.property(sessionId, sessionId, (a, b) => {
        fc.pre(a !== b);
        expect(`${sessionFolder(a)}/`.startsWith(`${sessionFolder(b)}/`)).toBe(false);
      }),
    );
    // One encoded id can be a prefix of another that is cut there.
    const short = 'a'.repeat(200);
    expect(sessionFolder(`${'漢'.repeat(22)}aa`).startsWith(`${sessionFolder('漢'.repeat(22))}/`)).toBe(false);
    expect(sessionFolder(short)).toBe(short);
  });

  it('has no segment that begins with a dot or exceeds 255 bytes', () => {
    fc.assert(
      fc.property(sessionId, (id) => {
        for (const segment of sessionFolder(id).split('/')) {
          expect(segment).toMatch(/^[^.]/);
          expect(segment.length).toBeLessThanOrEqual(255);
        }
      }),
    );
  });
});

describe('a session id', () => {
  it.each(['chat-1', 'ann@example.org', '/home/x/..', '漢字', '.', 'a'.repeat(200)])('accepts %s', (id) => {
    expect(checkSessionId(id)).toBe(id);
  });

  it.each([
    ['that is empty', ''],
    ['with a space', 'a b'],
    ['with a line end', 'a\n'],
    ['with a NUL', 'a\u0000'],
    ['of 201 characters', 'a'.repeat(201)],
    ['with half a character', '\ud800'],
    ['with an invisible space', 'a\u200bb'],
    ['that is a number', 7],
    ['that is undefined', undefined],
  ])('rejects one %s', (_name, id) => {
    expect(() => checkSessionId(id)).toThrow(HearthError);
    expect(() => checkSessionId(id)).toThrow(
      expect.objectContaining({ code: 'invalid_session_id', field: 'sessionId' }),
    );
  });
});

it('all keys of a session have the hash tag of its shard', () => {
  const keys = new Keys({ keyPrefix: 'hearth', queuePrefix: 'bull' });
  fc.assert(
    fc.property(sessionId, (id) => {
      const shard = shardOf(id);
      expect(shard).toBeGreaterThanOrEqual(0);
      expect(shard).toBeLessThan(shardCount);
      const tags = Object.values(keys.session(id)).map((key) => /\{([^}]*)\}/.exec(key)?.[1]);
      expect(new Set(tags)).toEqual(new Set([`s${String(shard).padStart(3, '0')}`]));
    }),
  );
});
