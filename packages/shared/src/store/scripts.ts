import { readdirSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { HearthError } from '../errors/hearth-error.js';
import {
  type Argument,
  luaFolder,
  type RawValue,
  readFields,
  readScript,
  type Script,
  sourceOf,
} from './script-declarations.js';
import type { Scripts } from './script-types.js';

export type ScriptName = keyof Scripts;
export type ScriptArgs<N extends ScriptName> = Scripts[N]['args'];
/** The replies of a script: its return code, with the fields of that code. */
export type ScriptReply<N extends ScriptName> = Scripts[N]['reply'];

type Arguments = Readonly<Record<string, Argument>>;

const scripts = new Map<string, Script>();
const commandOf = (name: string): string => `hearth_${name}`;

/** Registers the scripts with a connection. ioredis sends a script at its first use, and again when Redis lacks it. */
export function defineScripts(redis: Redis): void {
  if (scripts.size === 0) for (const name of scriptNames()) scripts.set(name, readScript(sourceOf(name)));
  for (const [name, script] of scripts) redis.defineCommand(commandOf(name), script);
}

export const scriptNames = (): string[] =>
  readdirSync(luaFolder).flatMap((file) => (file.endsWith('.lua') ? [file.slice(0, -'.lua'.length)] : []));

type Command = (...args: (string | number | Buffer)[]) => Promise<readonly RawValue[]>;

/** Runs a script. A call may be repeated, because every script is idempotent (P12). */
export async function runScript<N extends ScriptName>(
  redis: Redis,
  name: N,
  keys: Scripts[N]['keys'],
  args: ScriptArgs<N>,
): Promise<ScriptReply<N>> {
  // defineCommand adds the method at run time, so the type of Redis does not know it.
  const command = (redis as unknown as Record<string, Command | undefined>)[commandOf(name)];
  const script = scripts.get(name);
  if (command === undefined || script === undefined) {
    throw new TypeError('defineScripts was not called for this connection');
  }
  const { rest } = script;
  const raw = await command.call(
    redis,
    ...script.keys.map((key) => (keys as Readonly<Record<string, string>>)[key] as string),
    ...script.args.map((arg) => encode((args as Arguments)[arg])),
    ...(rest === undefined ? [] : ((args as unknown as Record<string, readonly Argument[]>)[rest] ?? [])).map(encode),
  );
  return parseReply(name, script, raw) as ScriptReply<N>;
}

const encode = (value: Argument): string | number | Buffer =>
  value === undefined || value === false ? '' : value === true ? '1' : value;

/** @throws HearthError `store_refused` for a reply that the script does not declare */
export function parseReply(
  name: string,
  script: Script,
  [rawCode, fields = []]: readonly RawValue[],
): { code: string } {
  const code = String(rawCode);
  const expected = script.replies.get(code);
  if (expected === undefined) throw unexpectedReply(name, code);
  return { code, ...readFields(expected, fields) };
}

/** The error of a reply that a script cannot give to this call. */
export function unexpectedReply(script: string, code: string): HearthError {
  return new HearthError('store_refused', `The script ${script} answered ${code}.`, {
    wayOut: 'This is a defect in Hearth: please report it with the log around it.',
  });
}
