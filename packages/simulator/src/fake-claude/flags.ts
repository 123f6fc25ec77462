import { createHash } from 'node:crypto';

/** The parts of the CLI's command line that a host uses. Source: Claude Code 2.1.197 and 2.1.329, `--help` and observation. */
export interface Flags {
  version: boolean;
  inputFormat: string;
  outputFormat: string;
  sessionId: string | undefined;
  resume: string | undefined;
  awaitClaim: boolean;
  sessionMirror: boolean;
  partialMessages: boolean;
  asksOnStdio: boolean;
  permissionMode: string;
  model: string | undefined;
  tools: readonly string[] | undefined;
  allowedTools: readonly string[];
  disallowedTools: readonly string[];
  maxTurns: number;
  /** Flags that become part of prompts, besides the model. */
  inPrompt: string;
}

/** A refused command line. The message is what the CLI prints. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

type Arity = 'none' | 'one' | 'many';

const known = new Map<string, Arity>([
  ...['-p', '--print', '--verbose', '--include-partial-messages', '--await-claim', '--session-mirror'].map(none),
  ...['--replay-user-messages', '--fork-session', '--no-session-persistence', '--strict-mcp-config', '--bare'].map(
    none,
  ),
  ...['--dangerously-skip-permissions', '--include-hook-events', '-v', '--version'].map(none),
  ...['--input-format', '--output-format', '--session-id', '--resume', '-r', '--permission-prompt-tool'].map(one),
  ...['--permission-mode', '--model', '--fallback-model', '--system-prompt', '--append-system-prompt'].map(one),
  ...['--settings', '--setting-sources', '--max-turns', '--max-budget-usd', '--json-schema', '--effort'].map(one),
  ...['--allowedTools', '--allowed-tools', '--disallowedTools', '--disallowed-tools', '--tools'].map(many),
  ...['--mcp-config', '--add-dir', '--betas', '--agents', '--plugin-dir'].map(many),
]);

/** Flags whose content precedes the conversation in every prompt: system prompts and tools. */
const promptFlags = [
  '--system-prompt',
  '--append-system-prompt',
  '--tools',
  '--disallowedTools',
  '--disallowed-tools',
  '--json-schema',
  '--mcp-config',
  '--strict-mcp-config',
  '--add-dir',
  '--agents',
  '--plugin-dir',
  '--setting-sources',
  '--settings',
];

/** `default` is accepted although the message does not name it. */
const permissionModes = ['acceptEdits', 'auto', 'bypassPermissions', 'manual', 'dontAsk', 'plan'];

/** @throws FlagError */
export function parseFlags(argv: readonly string[], parks: boolean): Flags {
  const found = collect(argv, parks);
  const last = (...names: string[]): string | undefined => names.flatMap((name) => found.get(name) ?? []).at(-1);
  const list = (...names: string[]): string[] =>
    names.flatMap((name) => found.get(name) ?? []).flatMap((text) => text.match(/[^,\s(]+(?:\([^)]*\))?/g) ?? []);
  const permissionMode = found.has('--dangerously-skip-permissions')
    ? 'bypassPermissions'
    : (last('--permission-mode') ?? 'default');
  if (permissionMode !== 'default' && !permissionModes.includes(permissionMode))
    throw new FlagError(
      `error: option '--permission-mode <mode>' argument '${permissionMode}' is invalid. Allowed choices are ${permissionModes.join(', ')}.`,
    );
  const flags: Flags = {
    version: found.has('--version') || found.has('-v'),
    inputFormat: last('--input-format') ?? 'text',
    outputFormat: last('--output-format') ?? 'text',
    sessionId: last('--session-id'),
    resume: last('--resume', '-r'),
    awaitClaim: found.has('--await-claim'),
    sessionMirror: found.has('--session-mirror'),
    partialMessages: found.has('--include-partial-messages'),
    asksOnStdio: last('--permission-prompt-tool') === 'stdio',
    permissionMode,
    model: last('--model'),
    tools: found.has('--tools') ? list('--tools') : undefined,
    allowedTools: list('--allowedTools', '--allowed-tools'),
    disallowedTools: list('--disallowedTools', '--disallowed-tools'),
    maxTurns: Number(last('--max-turns') ?? Number.POSITIVE_INFINITY),
    inPrompt: JSON.stringify(promptFlags.map((name) => found.get(name) ?? null)),
  };
  if (flags.awaitClaim && flags.resume !== undefined)
    throw new FlagError('Error: --await-claim cannot be used with --resume, --continue or --fork-session.');
  if (!flags.version && (flags.inputFormat !== 'stream-json' || flags.outputFormat !== 'stream-json'))
    throw new FlagError('fake-claude speaks only --input-format stream-json --output-format stream-json');
  return flags;
}

/** The digest of everything that precedes the conversation. With another digest nothing is cached. */
export function promptHead({ model, flags }: { model: string; flags: Flags }): string {
  return createHash('sha256').update(`${model}\n${flags.inPrompt}`).digest('hex').slice(0, 16);
}

function collect(argv: readonly string[], parks: boolean): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (let at = 0; at < argv.length; at += 1) {
    const [name = '', ...joined] = (argv[at] ?? '').split('=');
    const arity = name === '--await-claim' && !parks ? undefined : known.get(name);
    if (arity === undefined) {
      if (name.startsWith('-')) throw new FlagError(`error: unknown option '${name}'`);
      continue;
    }
    const values = found.get(name) ?? [];
    found.set(name, values);
    if (joined.length > 0) values.push(joined.join('='));
    else if (arity === 'one') {
      at += 1;
      const value = argv[at];
      if (value === undefined) throw new FlagError(`error: option '${name} <value>' argument missing`);
      values.push(value);
    } else if (arity === 'many') {
      for (let next = argv[at + 1]; next !== undefined && !next.startsWith('-'); next = argv[at + 1]) {
        values.push(next);
        at += 1;
      }
    }
  }
  return found;
}

function none(name: string): [string, Arity] {
  return [name, 'none'];
}
function one(name: string): [string, Arity] {
  return [name, 'one'];
}
function many(name: string): [string, Arity] {
  return [name, 'many'];
}
