import { type CommandLine, type GivenFlag, Refusal } from './command-line.js';

/** The session of a call. */
type Target =
  | { kind: 'new'; id: string | undefined }
  | { kind: 'resume'; id: string }
  | { kind: 'continue' }
  /** No session: a spare answers and is discarded. */
  | { kind: 'once' };

/** A call, checked as the CLI checks it. */
export interface Invocation {
  output: 'text' | 'json' | 'stream-json';
  input: 'text' | 'stream-json';
  verbose: boolean;
  partialMessages: boolean;
  replayPrompts: boolean;
  subAgentText: boolean;
  target: Target;
  model: string | undefined;
  prompt: string | undefined;
  /** Flags that must agree with the profile. */
  launchFlags: readonly GivenFlag[];
}

const formats = ['text', 'json', 'stream-json'] as const;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Checks a command line. @throws Refusal with the CLI's own words where it has any */
export function resolveInvocation({ given, prompt }: CommandLine, isTerminal: boolean): Invocation {
  for (const { flag } of given) {
    if (flag.meaning.kind === 'refused')
      throw new Refusal(`error: hearth-claude does not support ${flag.name}: ${flag.meaning.why}`);
  }
  const has = (name: string): boolean => given.some(({ flag }) => flag.name === name);
  const value = (name: string): string | undefined => given.findLast(({ flag }) => flag.name === name)?.values[0];
  // Like the CLI: without -p a terminal means an interactive conversation, which this program does not have.
  if (!has('--print') && isTerminal)
    throw new Refusal('error: hearth-claude answers with -p/--print only; for a conversation: hearth chat');
  const output = choice(given, '--output-format', formats);
  const input = choice(given, '--input-format', ['text', 'stream-json'] as const);
  if (input === 'stream-json' && output !== 'stream-json')
    throw new Refusal('Error: --input-format=stream-json requires output-format=stream-json.');
  if (output === 'stream-json' && !has('--verbose'))
    throw new Refusal('Error: When using --print, --output-format=stream-json requires --verbose');
  if (has('--include-partial-messages') && output !== 'stream-json')
    throw new Refusal('Error: --include-partial-messages requires --print and --output-format=stream-json.');
  return {
    output,
    input,
    verbose: has('--verbose'),
    partialMessages: has('--include-partial-messages'),
    replayPrompts: has('--replay-user-messages'),
    subAgentText: has('--forward-subagent-text'),
    target: targetOf(has, value, input),
    model: value('--model'),
    prompt: input === 'text' ? prompt : undefined,
    launchFlags: given.filter(({ flag: { meaning } }) => meaning.kind === 'field' || meaning.kind === 'extraArgs'),
  };
}

function choice<const T extends readonly string[]>(given: readonly GivenFlag[], name: string, choices: T): T[number] {
  const last = given.findLast(({ flag }) => flag.name === name);
  if (last === undefined) return choices[0] ?? '';
  const [chosen = ''] = last.values;
  if (choices.includes(chosen)) return chosen;
  throw new Refusal(
    `error: option '${last.flag.usage}' argument '${chosen}' is invalid. Allowed choices are ${choices.join(', ')}.`,
  );
}

function targetOf(
  has: (name: string) => boolean,
  value: (name: string) => string | undefined,
  input: Invocation['input'],
): Target {
  const id = value('--session-id');
  if (id !== undefined && !uuid.test(id)) throw new Refusal('Error: Invalid session ID. Must be a valid UUID.');
  const goesOn = has('--continue') || has('--resume');
  if (id !== undefined && goesOn)
    throw new Refusal('Error: --session-id with --continue or --resume also needs --fork-session.');
  if (has('--no-session-persistence')) {
    if (goesOn || id !== undefined || input === 'stream-json') {
      throw new Refusal(
        'error: hearth-claude supports --no-session-persistence for one prompt alone: without --session-id, --resume, --continue and --input-format=stream-json',
      );
    }
    return { kind: 'once' };
  }
  if (has('--resume')) return { kind: 'resume', id: resumed(value('--resume')) };
  return has('--continue') ? { kind: 'continue' } : { kind: 'new', id };
}

function resumed(id: string | undefined): string {
  if (id !== undefined) return id;
  throw new Refusal(
    'Error: --resume requires a valid session ID or session title when used with --print. Usage: claude -p --resume <session-id|title>',
  );
}

/** The CLI's message for an unknown session. */
export function noConversation(id: string): string {
  if (uuid.test(id)) return `No conversation found with session ID: ${id}`;
  return `Error: --resume requires a valid session ID or session title when used with --print. Usage: claude -p --resume <session-id|title>. Provided value "${id}" is not a UUID and does not match any session title.`;
}
