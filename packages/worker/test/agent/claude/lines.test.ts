import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from '../../../src/agent/claude/lines.js';

function split(chunks: readonly Buffer[], bound?: number): { lines: string[]; tooLong: number[] } {
  const lines: string[] = [];
  const tooLong: number[] = [];
  const splitter = new LineSplitter(
    (line) => lines.push(line),
    (bytes) => tooLong.push(bytes),
    bound,
  );
  for (const chunk of chunks) splitter.push(chunk);
  return { lines, tooLong };
}

test('keeps lines whole when a chunk ends inside a character', () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(40), { minLength: 1 }), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const chunks: Buffer[] = [];
      for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
        const length = (cuts[cut % cuts.length] ?? 0) + 1;
        chunks.push(bytes.subarray(at, at + length));
        at += length;
      }
      expect(split(chunks)).toEqual({ lines, tooLong: [] });
    }),
  );
});

test('reports a line beyond the bound once, and emits nothing after it', () => {
  const { lines, tooLong } = split(
    [Buffer.from('ok\n'), Buffer.alloc(60, 'x'), Buffer.alloc(60, 'x'), Buffer.from('\nlate\n')],
    100,
  );
  expect(lines).toEqual(['ok']);
  expect(tooLong).toEqual([120]);
});
