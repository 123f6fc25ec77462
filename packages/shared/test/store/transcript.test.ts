import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatChunk, readTranscript, splitUtf8 } from '../../src/store/transcript.js';

test('splitUtf8 cuts text into pieces within the bound, never inside a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 4, max: 50 }), (text, bound) => {
      const pieces = [...splitUtf8(text, bound)];
      expect(pieces.join('')).toBe(text);
      for (const piece of pieces) expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(bound);
    }),
  );
});

test('readTranscript restores files from interleaved chunks', async () => {
  const long = `${'é'.repeat(2_000)}\n`;
  const chunks = [
    formatChunk('main', 'a\nb'),
    formatChunk('id/sub.jsonl', 'x\n'),
    formatChunk('main', '\nc\n'),
    formatChunk('main', long),
  ];
  expect(chunks.at(-1)?.length).toBeLessThan(500);
  const store = { transcript: async (_id: string, from: number, count: number) => chunks.slice(from, from + count) };
  const files = await readTranscript(store, 's', chunks.length);
  expect([...files]).toEqual([
    ['main', `a\nb\nc\n${long}`],
    ['id/sub.jsonl', 'x\n'],
  ]);
});
