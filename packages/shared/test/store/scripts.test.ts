import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { luaFolder, readFields, readScript, sourceOf } from '../../src/store/script-declarations.js';
import { parseReply, runScript, scriptNames } from '../../src/store/scripts.js';
import { withStore } from '../support/redis.js';
import { scriptTypes } from './script-types.js';

const source = [
  '-- Counts up.',
  '--@keys hits log_prefix',
  '--@args worker_id by     -- with a comment',
  '--@args at_most',
  '--@rest events',
  '--@reply OK|REPEATED now:number left_over? names[] entries[]',
  '--@each entries seq:number is_late:flag',
  '--@reply GONE            -- with a comment',
  'return {0}',
].join('\n');
const ok = readScript(source).replies.get('OK') ?? [];

describe('readScript', () => {
  it('makes the local names that a script declares', () => {
    const { lua, numberOfKeys } = readScript(source);
    expect(numberOfKeys).toBe(2);
    expect(lua.split('\n').slice(0, 4)).toEqual([
      'local K_HITS, K_LOG_PREFIX = KEYS[1], KEYS[2]',
      'local worker_id, by, at_most = ARGV[1], ARGV[2], ARGV[3]',
      'local events = {}',
      'for at = 4, #ARGV do events[#events + 1] = ARGV[at] end',
    ]);
    expect(lua.endsWith(source)).toBe(true);
  });

  it('throws for a field of an unknown type', () => {
    expect(() => readScript('--@reply OK now:date')).toThrow('the field «now:date», whose type is unknown');
  });
});

describe('readFields', () => {
  const entries = [['seq', '1', 'is_late', '1']];

  it('reads fields by name, in any order', () => {
    const fields = { now: 5, leftOver: undefined, names: ['a'], entries: [{ seq: 1, isLate: true }] };
    expect(readFields(ok, ['now', '5', 'left_over', '', 'names', ['a'], 'entries', entries])).toEqual(fields);
    expect(readFields(ok, ['entries', entries, 'names', ['a'], 'left_over', '', 'now', 5])).toEqual(fields);
  });

  it.each([
    ['a field is missing', ['now', '5', 'left_over', '', 'names', []], 'expected a field entries'],
    ['a field is unknown', ['now', '5', 'left_over', '', 'names', [], 'entries', [], 'x', ''], 'expected no field x'],
    ['a number is none', ['now', '', 'left_over', '', 'names', [], 'entries', []], 'expected a number, got ""'],
    ['a text is absent', ['now', '5', 'left_over', null, 'names', [], 'entries', []], 'expected a text, got null'],
    ['a list is none', ['now', '5', 'left_over', '', 'names', 'a', 'entries', []], 'expected a list, got "a"'],
  ])('throws when %s', (_case, fields, message) => {
    expect(() => readFields(ok, fields)).toThrow(message);
  });
});

describe('the scripts', () => {
  const names = scriptNames();

  it('have the types that they declare', async () => {
    await expect(scriptTypes()).toMatchFileSnapshot('../../src/store/script-types.ts');
  });

  it('use no positional keys and arguments', () => {
    for (const folder of ['', 'includes/']) {
      const files = readdirSync(new URL(folder, luaFolder)).filter((file) => file.endsWith('.lua'));
      for (const file of files) {
        expect(readFileSync(new URL(folder + file, luaFolder), 'utf8'), file).not.toMatch(/\b(KEYS|ARGV)\b/);
      }
    }
  });

  it.each(names)('%s uses each argument and returns each code that it declares, and no other code', (name) => {
    const body = sourceOf(name).replace(/--.*$/gm, '');
    const args = [...sourceOf(name).matchAll(/^--@(?:args|rest) (.*?)(?: +--.*)?$/gm)].flatMap(([, words = '']) =>
      words.split(/ +/),
    );
    for (const arg of args) expect(body, arg).toMatch(new RegExp(`\\b${arg}\\b`));
    const declared = [...readScript(sourceOf(name)).replies.keys()];
    for (const code of declared) expect(body).toContain(`'${code}'`);
    const returned = [...body.matchAll(/(?:reply\(|return )'([A-Z_]+)'/g)].map(([, code]) => code);
    expect(declared).toEqual(expect.arrayContaining(returned));
  });
});

it('parseReply rejects a code that the script does not declare', () => {
  expect(parseReply('count', readScript(source), ['GONE'])).toEqual({ code: 'GONE' });
  expect(() => parseReply('count', readScript(source), ['DEAD'])).toThrow(
    expect.objectContaining({ code: 'store_refused' }),
  );
});

it('runScript rejects a connection without the scripts', () =>
  withStore(async ({ redis, keys }) => {
    const other = redis.duplicate();
    await expect(runScript(other, 'lease_release', keys, { workerId: 'w', workerNumber: 1 })).rejects.toThrow(
      'defineScripts was not called',
    );
    other.disconnect();
  }));
