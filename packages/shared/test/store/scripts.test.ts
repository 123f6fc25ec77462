import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { contracts, type ScriptContract } from '../../src/store/script-table.js';
import { list, number, optional, text } from '../../src/store/script-values.js';
import {
  loadScript,
  parseReply,
  runScript,
  type ScriptArgs,
  type ScriptName,
  type ScriptReply,
  sourceOf,
} from '../../src/store/scripts.js';
import { withStore } from '../support/redis.js';

const folder = new URL('../../lua/', import.meta.url);
const names = Object.keys(contracts) as ScriptName[];

const source = [
  '-- Counts up.',
  '--@keys hits log_prefix',
  '--@args worker_id by     -- with a comment',
  '--@args at_most',
  '--@rest events',
  '--@reply OK|REPEATED now left_over',
  '--@reply GONE            -- with a comment',
  'return {0}',
].join('\n');
const contract: ScriptContract = {
  keys: 'hits logPrefix',
  args: 'workerId by atMost',
  rest: 'events',
  replies: { OK: { leftOver: text, now: number }, REPEATED: { now: number, leftOver: text }, GONE: {} },
};

describe('loadScript', () => {
  it('makes the local names that a script declares', () => {
    const { lua, numberOfKeys } = loadScript('count', source, contract);
    expect(numberOfKeys).toBe(2);
    expect(lua.split('\n').slice(0, 4)).toEqual([
      'local K_HITS, K_LOG_PREFIX = KEYS[1], KEYS[2]',
      'local worker_id, by, at_most = ARGV[1], ARGV[2], ARGV[3]',
      'local events = {}',
      'for at = 4, #ARGV do events[#events + 1] = ARGV[at] end',
    ]);
    expect(lua.endsWith(source)).toBe(true);
  });

  it.each<[string, Partial<ScriptContract>, string]>([
    ['a key has another name', { keys: 'hits log' }, 'count.lua declares the keys «hits logPrefix»'],
    ['an argument is missing', { args: 'workerId by' }, 'declares the arguments «workerId by atMost»'],
    ['arguments stand in another order', { args: 'by workerId atMost' }, 'its callers expect «by workerId atMost»'],
    ['the list has another name', { rest: 'lines' }, 'declares the rest «events»'],
    ['a return code is missing', { replies: { OK: {}, REPEATED: {} } }, 'declares the replies «GONE, OK leftOver now'],
    [
      'a reply has another field',
      { replies: { ...contract.replies, GONE: { by: text } } },
      'its callers expect «GONE by, ',
    ],
  ])('throws when %s', (_case, changed, message) => {
    expect(() => loadScript('count', source, { ...contract, ...changed })).toThrow(message);
  });
});

describe('the scripts', () => {
  it('are the files of the folder, each with its contract', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.lua'));
    expect(files.toSorted()).toEqual(names.map((name) => `${name}.lua`).toSorted());
    for (const name of names) loadScript(name, sourceOf(name), contracts[name]);
  });

  it('use no positional keys and arguments', () => {
    for (const folderName of ['', 'includes/']) {
      const files = readdirSync(new URL(folderName, folder)).filter((file) => file.endsWith('.lua'));
      for (const file of files) {
        expect(readFileSync(new URL(folderName + file, folder), 'utf8'), file).not.toMatch(/\b(KEYS|ARGV)\b/);
      }
    }
  });

  it.each(names)('%s uses each argument that it declares', (name) => {
    const body = sourceOf(name).replace(/--.*$/gm, '');
    const args = [...sourceOf(name).matchAll(/^--@(?:args|rest) (.*?)(?: +--.*)?$/gm)].flatMap(([, words = '']) =>
      words.split(/ +/),
    );
    for (const arg of args) expect(body, arg).toMatch(new RegExp(`\\b${arg}\\b`));
  });

  it('get arguments and give replies by names that the compiler knows', () => {
    expectTypeOf<keyof ScriptArgs<'append'>>().toEqualTypeOf<
      'fence' | 'batch' | 'eventsKept' | 'eventsTtlMs' | 'events'
    >();
    expectTypeOf<ScriptReply<'lease_acquire'>['code']>().toEqualTypeOf<'OK' | 'REPEATED' | 'DEAD'>();
    expectTypeOf<keyof Extract<ScriptReply<'close'>, { code: 'OK' }>>().toEqualTypeOf<
      'code' | 'owner' | 'fence' | 'seqs'
    >();
    const named: ScriptArgs<'lease_release'> = { workerId: 'w', workerNumber: 1 };
    // @ts-expect-error: an argument is missing
    const missing: ScriptArgs<'lease_release'> = { workerId: 'w' };
    // @ts-expect-error: no argument has this name
    const wrong: ScriptArgs<'lease_release'> = { workerId: 'w', workerNumber: 1, number: 1 };
    expect([named, missing, wrong]).toHaveLength(3);
  });
});

describe('parseReply', () => {
  it('reads fields by name, in any order', () => {
    const reply = { code: 'OK', owner: undefined, fence: '1.a', seqs: [1, 2] };
    expect(parseReply('close', ['OK', ['owner', '', 'fence', '1.a', 'seqs', ['1', 2]]])).toEqual(reply);
    expect(parseReply('close', ['OK', ['seqs', ['1', 2], 'fence', '1.a', 'owner', '']])).toEqual(reply);
    expect(parseReply('close', ['GONE'])).toEqual({ code: 'GONE' });
  });

  it('rejects a code that the script does not declare', () => {
    expect(() => parseReply('close', ['FENCED'])).toThrow(expect.objectContaining({ code: 'store_refused' }));
  });

  it('rejects missing, unknown and malformed fields', () => {
    expect(() => parseReply('close', ['OK', ['owner', '', 'seqs', []]])).toThrow('expected a field fence');
    expect(() => parseReply('close', ['OK', ['owners', '']])).toThrow('expected no field owners');
    expect(() => parseReply('close', ['OK', ['fence', null]])).toThrow('expected a text, got null');
    expect(() => number('')).toThrow('expected a number');
    expect(() => list(optional(text))('no list')).toThrow('expected a list');
  });
});

it('runScript rejects a connection without the scripts', () =>
  withStore(async ({ redis, keys }) => {
    const other = redis.duplicate();
    await expect(runScript(other, 'lease_release', keys, { workerId: 'w', workerNumber: 1 })).rejects.toThrow(
      'defineScripts was not called',
    );
    other.disconnect();
  }));
