import { describe, expect, test } from 'vitest';
import { repairFile, repairTranscript } from '../../../src/agent/claude/repair-transcript.js';

const line = (uuid: string | undefined, parentUuid: string | null = null): string =>
  `${JSON.stringify({ type: 'user', uuid, parentUuid })}\n`;
const good = line('a') + line('b', 'a') + line('c', 'b');

describe('the repair of a transcript', () => {
  test.each([
    ['keeps a whole transcript', good, good, 0],
    ['drops a torn last line', `${good}{"type":"us`, good, 1],
    [
      'drops only a line that is not JSON when the other entries form a chain',
      `${good}rubbish\n${line('d', 'c')}`,
      good + line('d', 'c'),
      0,
    ],
    ['drops entries whose ancestors are missing', `${good}rubbish\n${line('e', 'd')}${line('f', 'e')}`, good, 3],
    [
      'keeps entries that continue from before the damage',
      `${good}rubbish\n${line('e', 'd')}${line('g', 'c')}${line('h', 'g')}`,
      good + line('g', 'c') + line('h', 'g'),
      0,
    ],
    ['drops entries in a cycle', good + line('d', 'e') + line('e', 'd'), good, 2],
    ['drops an end that is chained to a missing entry', good + line('e', 'd') + line('f', 'e'), good, 2],
    ['keeps entries without an id', good + line(undefined), good + line(undefined), 0],
    ['keeps a transcript without any root', line('y', 'x') + line('z', 'y'), line('y', 'x') + line('z', 'y'), 0],
    ['keeps an empty transcript', '', '', 0],
  ])('%s', (_what, content, repaired, cutLines) => {
    expect(repairFile(content)).toEqual({ content: repaired, cutLines });
  });

  test('treats the files of sub-agents like the main file', () => {
    const files = new Map([
      ['main', good],
      ['id/subagents/a.jsonl', `${good}{"torn`],
    ]);
    expect(repairTranscript(files)).toEqual({
      files: new Map([...files.keys()].map((file) => [file, good])),
      cutLines: 1,
    });
  });

  test('visits each entry of a long broken chain once', () => {
    const long = Array.from({ length: 50_000 }, (_, at) => line(`u${at + 1}`, `u${at}`)).join('');
    expect(repairFile(good + long)).toEqual({ content: good, cutLines: 50_000 });
  });
});
