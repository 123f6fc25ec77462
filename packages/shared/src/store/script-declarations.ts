import { readFileSync } from 'node:fs';

/** A script gets undefined and false as '', and true as '1'. */
export type Argument = string | number | boolean | Buffer | undefined;
/** A value as a script returns it. */
export type RawValue = string | number | null | readonly RawValue[];

/** A field of a reply. */
export interface Field {
  name: string;
  type: 'text' | 'number' | 'flag';
  /** `?`: it may be absent, which a script writes as ''. `[]`: it is a list. */
  form: '' | '?' | '[]';
  /** The fields of each entry, when the entries of a list are records. */
  each?: readonly Field[];
}

/** A script as Redis gets it, and what it declares. Names are written as callers write them: `worker_id` is `workerId`. */
export interface Script {
  lua: string;
  numberOfKeys: number;
  keys: readonly string[];
  args: readonly string[];
  /** The argument that takes a list. */
  rest: string | undefined;
  /** Return code → its fields. */
  replies: ReadonlyMap<string, readonly Field[]>;
}

/** The folder of the scripts. */
export const luaFolder = new URL('../../lua/', import.meta.url);

/** The source of a script, with each include in place of its first mention. */
export function sourceOf(name: string, included = new Set<string>()): string {
  return readFileSync(new URL(`${name}.lua`, luaFolder), 'utf8').replace(
    /^--@include (.+)$/gm,
    (_line, names: string) =>
      names
        .split(' ')
        .filter((include) => !included.has(include))
        .map((include) => sourceOf(`includes/${include}`, included.add(include)))
        .join('\n'),
  );
}

/**
 * Reads the declarations of a script and makes the Lua `local` names of its keys and arguments:
 *   --@keys <name> …     local K_<NAME>        --@args <name> …     local <name>
 *   --@rest <name>       local <name>, a list of all further arguments
 *   --@reply <CODE>|<CODE> <field> …           return codes with their fields: `name`, `name:number`, `name:flag`, `name?`, `name[]`
 *   --@each <list> <field> …                   the fields of each entry of a list
 * A declaration may end with a comment.
 * @throws TypeError for a field of an unknown type
 */
export function readScript(source: string): Script {
  const declared = (kind: string): string[][] =>
    [...source.matchAll(new RegExp(`^--@${kind} (.*?)(?: +--.*)?$`, 'gm'))].map(([, words = '']) => words.split(/ +/));
  const [keys, args, [rest]] = [declared('keys').flat(), declared('args').flat(), declared('rest').flat()];
  const each = new Map(
    declared('each').map(([list = '', ...words]) => [list, words.map((word) => readDeclaration(word))]),
  );
  const replies = declared('reply').flatMap(([codes = '', ...words]) => {
    const fields = words.map((word) => readDeclaration(word, each));
    return codes.split('|').map((code): [string, Field[]] => [code, fields]);
  });
  const locals = (names: readonly string[], from: string): string =>
    names.length === 0 ? '' : `local ${names.join(', ')} = ${names.map((_, at) => `${from}[${at + 1}]`).join(', ')}\n`;
  const restOf = (name: string): string =>
    `local ${name} = {}\nfor at = ${args.length + 1}, #ARGV do ${name}[#${name} + 1] = ARGV[at] end\n`;
  const keyNames = keys.map((key) => `K_${key.toUpperCase()}`);
  const prelude = [locals(keyNames, 'KEYS'), locals(args, 'ARGV'), rest === undefined ? '' : restOf(rest)];
  return {
    lua: prelude.join('') + source,
    numberOfKeys: keys.length,
    keys: keys.map(camelCase),
    args: args.map(camelCase),
    rest: rest === undefined ? undefined : camelCase(rest),
    replies: new Map(replies),
  };
}

function readDeclaration(word: string, lists?: ReadonlyMap<string, readonly Field[]>): Field {
  const [, name = '', type = 'text', form = ''] = /^(\w+)(?::(text|number|flag))?(\?|\[\])?$/.exec(word) ?? [];
  if (name === '') throw new TypeError(`A script declares the field «${word}», whose type is unknown`);
  const each = lists?.get(name);
  return { name: camelCase(name), type: type as Field['type'], form: form as Field['form'], ...(each && { each }) };
}

const camelCase = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/**
 * Reads the fields of a reply, which scripts write as a list: name, value, name, value, …
 * @throws TypeError when a field is missing, unknown or malformed
 */
export function readFields(fields: readonly Field[], value: RawValue | undefined): Record<string, unknown> {
  const flat = listOf(value);
  const found = new Map<string, RawValue | undefined>();
  for (let at = 0; at < flat.length; at += 2) found.set(camelCase(String(flat[at])), flat[at + 1]);
  const read = fields.map((field): [string, unknown] => {
    if (!found.has(field.name)) throw new TypeError(`expected a field ${field.name}`);
    const raw = found.get(field.name);
    found.delete(field.name);
    return [field.name, readField(field, raw)];
  });
  for (const name of found.keys()) throw new TypeError(`expected no field ${name}`);
  return Object.fromEntries(read);
}

function readField({ type, form, each }: Field, value: RawValue | undefined): unknown {
  if (form === '?' && value === '') return undefined;
  if (form !== '[]') return readers[type](value);
  return listOf(value).map((entry) => (each === undefined ? readers[type](entry) : readFields(each, entry)));
}

const text = (value: RawValue | undefined): string => {
  if (typeof value !== 'string') throw new TypeError(`expected a text, got ${JSON.stringify(value)}`);
  return value;
};

const readers = {
  text,
  /** Redis returns a number that it stores as text. */
  number: (value: RawValue | undefined): number => {
    const parsed = value === '' || value === null || typeof value === 'object' ? Number.NaN : Number(value);
    if (Number.isNaN(parsed)) throw new TypeError(`expected a number, got ${JSON.stringify(value)}`);
    return parsed;
  },
  /** A script writes '1' for true and '' for false. */
  flag: (value: RawValue | undefined): boolean => text(value) === '1',
};

function listOf(value: RawValue | undefined): readonly RawValue[] {
  if (!Array.isArray(value)) throw new TypeError(`expected a list, got ${JSON.stringify(value)}`);
  return value as readonly RawValue[];
}
