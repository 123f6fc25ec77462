import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { HearthError } from '../errors/hearth-error.js';
import { contracts, type ScriptContract } from './script-table.js';
import { camelCase, type Fields, type RawValue, record, type ValuesOf } from './script-values.js';

type Contracts = typeof contracts;
export type ScriptName = keyof Contracts;

type Words<S extends string> = S extends `${infer Word} ${infer Others}`
  ? Word | Words<Others>
  : S extends ''
    ? never
    : S;

/** A script gets undefined and false as '', and true as '1'. */
type Argument = string | number | boolean | Buffer | undefined;
export type ScriptKeys<N extends ScriptName> = Readonly<Record<Words<Contracts[N]['keys']>, string>>;
/** The arguments of a script by name. */
export type ScriptArgs<N extends ScriptName> = Readonly<Record<Words<Contracts[N]['args']>, Argument>> &
  (Contracts[N] extends { rest: infer Rest extends string } ? Readonly<Record<Rest, readonly Argument[]>> : unknown);
/** The replies of a script: its return code, with the fields of that code. */
export type ScriptReply<N extends ScriptName> = RepliesOf<Contracts[N]['replies']>;
type RepliesOf<R extends ScriptContract['replies']> = {
  [Code in keyof R & string]: { code: Code } & (R[Code] extends Fields ? ValuesOf<R[Code]> : never);
}[keyof R & string];

/** A script as Redis gets it. */
export interface LoadedScript {
  lua: string;
  numberOfKeys: number;
}

const folder = new URL('../../lua/', import.meta.url);

/** The source of a script, with the includes in place of their `--@include` lines. */
export function sourceOf(name: ScriptName): string {
  return readFileSync(new URL(`${name}.lua`, folder), 'utf8').replace(/^--@include (.+)$/gm, (_line, names: string) =>
    namesOf(names)
      .map((include) => readFileSync(new URL(`includes/${include}.lua`, folder), 'utf8'))
      .join('\n'),
  );
}

/**
 * Makes the Lua `local` names that a source declares, and compares the declarations with the contract of its callers:
 *   --@keys <name> …     local K_<NAME>        --@args <name> …     local <name>
 *   --@rest <name>       local <name>, a list of all further arguments
 *   --@reply <CODE>|<CODE> <field> …           a return code with its fields
 * A declaration may end with a comment.
 * @throws TypeError when the two differ
 */
export function loadScript(name: string, source: string, contract: ScriptContract): LoadedScript {
  const declared = (kind: string): string[] =>
    [...source.matchAll(new RegExp(`^--@${kind} (.*?)(?: +--.*)?$`, 'gm'))].map(([, words = '']) => words.trim());
  const words = (kind: string): string[] => declared(kind).flatMap((line) => line.split(/ +/));
  const [keys, args, [rest]] = [words('keys'), words('args'), words('rest')];
  const replies = declared('reply').flatMap((line) => {
    const [codes = '', ...fields] = line.split(/ +/);
    return codes.split('|').map((code): [string, string[]] => [code, fields.map(camelCase)]);
  });
  compare(name, 'keys', keys.map(camelCase).join(' '), contract.keys);
  compare(name, 'arguments', args.map(camelCase).join(' '), contract.args);
  compare(name, 'rest', camelCase(rest ?? ''), contract.rest ?? '');
  const expected = Object.entries(contract.replies).map(([code, fields]): [string, string[]] => [
    code,
    Object.keys(fields),
  ]);
  compare(name, 'replies', describeReplies(replies), describeReplies(expected));

  const locals = (names: readonly string[], from: string): string[] =>
    names.length === 0 ? [] : [`local ${names.join(', ')} = ${names.map((_, at) => `${from}[${at + 1}]`).join(', ')}`];
  const prelude = [
    ...locals(
      keys.map((key) => `K_${key.toUpperCase()}`),
      'KEYS',
    ),
    ...locals(args, 'ARGV'),
    ...(rest === undefined
      ? []
      : [`local ${rest} = {}`, `for at = ${args.length + 1}, #ARGV do ${rest}[#${rest} + 1] = ARGV[at] end`]),
  ];
  return { lua: `${prelude.join('\n')}\n${source}`, numberOfKeys: keys.length };
}

const describeReplies = (replies: readonly [code: string, fields: readonly string[]][]): string =>
  replies
    .map(([code, fields]) => [code, ...fields.toSorted()].join(' '))
    .sort()
    .join(', ');

function compare(script: string, what: string, declared: string, expected: string): void {
  if (declared === expected) return;
  throw new TypeError(`${script}.lua declares the ${what} «${declared}», and its callers expect «${expected}»`);
}

const loaded = new Map<string, LoadedScript>();
const commandOf = (name: string): string => `hearth_${name}`;

/** Registers the scripts with a connection; ioredis sends each on first use, and again when Redis has forgotten it. */
export function defineScripts(redis: Redis): void {
  if (loaded.size === 0) {
    for (const [name, contract] of Object.entries(contracts)) {
      loaded.set(name, loadScript(name, sourceOf(name as ScriptName), contract));
    }
  }
  for (const [name, script] of loaded) redis.defineCommand(commandOf(name), script);
}

type Command = (...args: (string | number | Buffer)[]) => Promise<readonly RawValue[]>;

/** Runs a script. A call may be repeated, because every script is idempotent (P12). */
export async function runScript<N extends ScriptName>(
  redis: Redis,
  name: N,
  keys: ScriptKeys<N>,
  args: ScriptArgs<N>,
): Promise<ScriptReply<N>> {
  // defineCommand adds the method at run time, so the type of Redis does not know it.
  const command = (redis as unknown as Record<string, Command | undefined>)[commandOf(name)];
  if (command === undefined) throw new TypeError('defineScripts was not called for this connection');
  const contract: ScriptContract = contracts[name];
  const rest = contract.rest === undefined ? [] : (args as Record<string, readonly Argument[]>)[contract.rest];
  const raw = await command.call(
    redis,
    ...namesOf(contract.keys).map((key) => (keys as Record<string, string>)[key] as string),
    ...namesOf(contract.args).map((arg) => encode((args as Record<string, Argument>)[arg])),
    ...(rest ?? []).map(encode),
  );
  return parseReply(name, raw);
}

export const namesOf = (words: string): string[] => words.split(' ').filter((word) => word !== '');

const encode = (value: Argument): string | number | Buffer =>
  value === undefined || value === false ? '' : value === true ? '1' : value;

/** @throws HearthError `store_refused` for a reply that the script does not declare */
export function parseReply<N extends ScriptName>(name: N, [rawCode, fields = []]: readonly RawValue[]): ScriptReply<N> {
  const code = String(rawCode);
  const contract: ScriptContract = contracts[name];
  const expected = contract.replies[code];
  if (expected === undefined) throw unexpectedReply(name, code);
  return { code, ...record(expected)(fields) } as ScriptReply<N>;
}

/** A script answered what it cannot answer to this call. */
export function unexpectedReply(script: ScriptName, code: string): HearthError {
  return new HearthError('store_refused', `The script ${script} answered ${code}.`, {
    wayOut: 'This is a defect in Hearth: please report it with the log around it.',
  });
}
