import { describe, expect, test } from 'vitest';
import { mendTranscript, repairTranscript } from '../../src/session/mend.js';

const line = (uuid: string | undefined, parentUuid: string | null = null): string =>
  `${JSON.stringify({ type: 'user', uuid, parentUuid })}\n`;
const good = line('a') + line('b', 'a') + line('c', 'b');

describe('a transcript', () => {
  test.each([
    ['that is whole stays as it is', good, good, 0],
    ['whose last line was torn loses it', `${good}{"type":"us`, good, 1],
    [
      'with rubbish in it loses that alone, when the rest hangs together',
      `${good}rubbish\n${line('d', 'c')}`,
      good + line('d', 'c'),
      0,
    ],
    ['that lost what its end hangs on loses its end', `${good}rubbish\n${line('e', 'd')}${line('f', 'e')}`, good, 3],
    [
      'that went on from before its damage has that behind it',
      `${good}rubbish\n${line('e', 'd')}${line('g', 'c')}${line('h', 'g')}`,
      good + line('g', 'c') + line('h', 'g'),
      0,
    ],
    ['that runs in a circle ends', good + line('d', 'e') + line('e', 'd'), good, 2],
    ['whose end is chained to what is not there loses it', good + line('e', 'd') + line('f', 'e'), good, 2],
    ['with entries without a name keeps them', good + line(undefined), good + line(undefined), 0],
    ['of a kind nobody knows stays whole', line('y', 'x') + line('z', 'y'), line('y', 'x') + line('z', 'y'), 0],
    ['that is empty is empty', '', '', 0],
  ])('%s', (_what, content, mended, cut) => {
    expect(mendTranscript(content)).toEqual({ content: mended, cut });
  });

  test('of a sub-agent is mended like the main one', () => {
    const files = new Map([
      ['main', good],
      ['id/subagents/a.jsonl', `${good}{"torn`],
    ]);
    expect(repairTranscript(files)).toEqual({ files: new Map([...files.keys()].map((file) => [file, good])), cut: 1 });
  });

  test('of a long conversation that lost its beginning is gone over once', () => {
    const long = Array.from({ length: 50_000 }, (_, at) => line(`u${at + 1}`, `u${at}`)).join('');
    expect(mendTranscript(good + long)).toEqual({ content: good, cut: 50_000 });
  });
});
