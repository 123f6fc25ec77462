import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { SessionKeys } from '../keys.js';

/** The keys every session script gets. */
const sessionKeyCount = 13 satisfies SessionKeys['length'];

/** The scripts, each `lua/<name>.lua`, and how many keys it gets. */
const scripts = {
  submit: sessionKeyCount,
  claim: sessionKeyCount,
  head: sessionKeyCount,
  begin: sessionKeyCount,
  append: sessionKeyCount,
  reach_tool: sessionKeyCount,
  transcript: sessionKeyCount,
  commit: sessionKeyCount,
  release: sessionKeyCount,
  ring: sessionKeyCount,
  withdraw: sessionKeyCount,
  close: sessionKeyCount,
  erase: sessionKeyCount,
  open: sessionKeyCount,
  interrupt: sessionKeyCount,
  ask_permission: sessionKeyCount,
  answer: sessionKeyCount,
  sweep: 2,
  lease_acquire: 4,
  lease_renew: 2,
  lease_release: 2,
} as const;
export type ScriptName = keyof typeof scripts;

const folder = new URL('../../lua/', import.meta.url);
const bodies = new Map<ScriptName, string>();

/** Puts the includes in place of their `--@include` lines. */
function bodyOf(name: ScriptName): string {
  let body = bodies.get(name);
  if (body === undefined) {
    body = readFileSync(new URL(`${name}.lua`, folder), 'utf8').replace(
      /^--@include (\w+)$/gm,
      (_line, include: string) => readFileSync(new URL(`includes/${include}.lua`, folder), 'utf8'),
    );
    bodies.set(name, body);
  }
  return body;
}

type Argument = string | number | Buffer;
type Command = (...args: Argument[]) => Promise<unknown[]>;

const commandOf = (name: ScriptName): string => `hearth_${name}`;

/** Registers the scripts with a connection; ioredis loads each on first use, and again after a flushed script cache. */
export function defineScripts(redis: Redis): void {
  for (const [name, numberOfKeys] of Object.entries(scripts)) {
    redis.defineCommand(commandOf(name as ScriptName), { numberOfKeys, lua: bodyOf(name as ScriptName) });
  }
}

/** Runs a script. Repeating a call is safe: every script is made for that (P12). */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown[]> {
  // defineCommand adds the method at run time; the type of Redis cannot know it.
  const command = (redis as unknown as Record<string, Command | undefined>)[commandOf(name)];
  if (command === undefined) throw new TypeError('defineScripts was not called for this connection');
  return command.call(redis, ...keys, ...args);
}
