import type { GivenFlag } from './command-line.js';
import { knownFlags } from './known-flags.js';

/** Fields that declare what the host can do, and ask for nothing. */
const declarations = new Set(['subtype', 'supportedDialogKinds', 'perTaskStopAffordance']);
/** Fields that say what a flag of the CLI says. */
const flagOf = new Map([
  ['systemPrompt', '--system-prompt'],
  ['appendSystemPrompt', '--append-system-prompt'],
]);

/**
 * Lists the fields of an `initialize` request that ask for what the agent of a call, launched before it, does not have: hooks, MCP servers
 * of the host, agents. A prompt that the profile has too is no such field.
 *
 * @param agrees whether the profile says what a flag says
 */
export function unsupportedFields(request: object, agrees: (flag: GivenFlag) => boolean): string[] {
  return Object.entries(request)
    .filter(([name, value]) => !declarations.has(name) && !isEmpty(value) && !isInProfile(name, value, agrees))
    .map(([name]) => name);
}

/** The Agent SDK sends `systemPrompt: [""]` for a caller that gives none. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return !value;
  return Object.values(value).every(isEmpty);
}

function isInProfile(name: string, value: unknown, agrees: (flag: GivenFlag) => boolean): boolean {
  const flag = knownFlags.get(flagOf.get(name) ?? '');
  const [text, ...others] = [value].flat();
  return flag !== undefined && typeof text === 'string' && others.length === 0 && agrees({ flag, values: [text] });
}
