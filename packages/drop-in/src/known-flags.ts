import { cliFlags, flagNames } from '@hearth/shared/internal';

/** How many values a flag takes. `many`: all words up to the next flag. `maybe`: one, unless it is a flag. */
type Arity = 'none' | 'one' | 'many' | 'maybe';

/** What hearth-claude does with a flag. */
type Meaning =
  /** It implements the flag. */
  | { kind: 'ours' }
  /** The flag changes nothing here. */
  | { kind: 'ignored' }
  /** A field of the profile must agree with it. */
  | { kind: 'field'; field: string; says: 'text' | 'list' | 'number' }
  /** The `extraArgs` of the profile must contain it. */
  | { kind: 'extraArgs' }
  /** It cannot be done here. */
  | { kind: 'refused'; why: string };

export interface KnownFlag {
  /** Its name here. Aliases share it. */
  name: string;
  /** How the CLI writes it in messages. */
  usage: string;
  arity: Arity;
  meaning: Meaning;
}

const ours: Meaning = { kind: 'ours' };
const ignored: Meaning = { kind: 'ignored' };
const extraArgs: Meaning = { kind: 'extraArgs' };
const refused = (why: string): Meaning => ({ kind: 'refused', why });

const terminal = refused('it belongs to the terminal program: run the real claude for it');
const elsewhere = refused('a session of Hearth lives on a worker, in the workspace of its profile');
const notCarried = refused('what it adds to the output is not among the events of a session');

type Row = [usage: string, arity: Arity, meaning: Meaning];

/** Flags that a profile has a field for. `--model` is not among them, because it chooses the profile here. */
const profileFlags = cliFlags
  .filter(({ field }) => field !== 'model')
  .map(({ field, usage, value }): Row => {
    const says = value === 'folders' || value === 'additions' ? 'list' : value;
    return [usage, usage.endsWith('...>') ? 'many' : 'one', { kind: 'field', field, says }];
  });

/** Source: Claude Code 2.1.329, `--help` and observation. */
const table: readonly Row[] = [
  ['-p --print', 'none', ours],
  ['--output-format <format>', 'one', ours],
  ['--input-format <format>', 'one', ours],
  ['--include-partial-messages', 'none', ours],
  ['--verbose', 'none', ours],
  ['--session-id <uuid>', 'one', ours],
  ['-r --resume [value]', 'maybe', ours],
  ['-c --continue', 'none', ours],
  ['--no-session-persistence', 'none', ours],
  ['--replay-user-messages', 'none', ours],
  ['--forward-subagent-text', 'none', ours],
  ['--model <model>', 'one', ours],
  ['-v --version', 'none', ours],
  ['-h --help', 'none', ours],
  ['--permission-prompts <target>', 'one', ignored],
  ['--allow-dangerously-skip-permissions', 'none', ignored],
  ['--no-chrome', 'none', ignored],
  ['--dangerously-skip-permissions', 'none', { kind: 'field', field: 'permissionMode', says: 'text' }],
  ...profileFlags,
  ['--agent <agent>', 'one', extraArgs],
  ['--agents <json-or-file>', 'one', extraArgs],
  ['--autocompact <auto|tokens>', 'one', extraArgs],
  ['--bare', 'none', extraArgs],
  ['--betas <betas...>', 'many', extraArgs],
  ['--brief', 'none', extraArgs],
  ['--disable-slash-commands', 'none', extraArgs],
  ['--effort <level>', 'one', extraArgs],
  ['--exclude-dynamic-system-prompt-sections', 'none', extraArgs],
  ['--file <specs...>', 'many', extraArgs],
  ['--plugin-dir <path>', 'one', extraArgs],
  ['--plugin-url <url>', 'one', extraArgs],
  ['--restricted', 'none', extraArgs],
  ['--safe-mode', 'none', extraArgs],
  ['--strict-mcp-config', 'none', extraArgs],
  ['--system-prompt-snapshot <on|off>', 'one', extraArgs],
  ['--json-schema <schema>', 'one', notCarried],
  ['--include-hook-events', 'none', notCarried],
  ['--prompt-suggestions [value]', 'maybe', notCarried],
  [
    '--permission-prompt-tool <tool>',
    'one',
    refused('see HEARTH_CLAUDE_PERMISSIONS for who answers permission requests'),
  ],
  ['--fork-session', 'none', refused('a session of Hearth has one conversation: prompt a new session instead')],
  [
    '-n --name <name>',
    'one',
    refused('a session of Hearth is named by its id: use --session-id, or --resume with any name'),
  ],
  ['-w --worktree [name]', 'maybe', elsewhere],
  ['--environment <environment_id>', 'one', elsewhere],
  ['--from-pr [value]', 'maybe', elsewhere],
  ['--teleport [session]', 'maybe', elsewhere],
  ['--cloud [description|session_id|url]', 'maybe', elsewhere],
  [
    '--bg --background',
    'none',
    refused('every turn of Hearth continues without its caller: see `hearth ask` and `hearth attach`'),
  ],
  [
    '-d --debug [filter]',
    'maybe',
    refused('the agent runs elsewhere: see `hearth attach --raw` and the log of its worker'),
  ],
  [
    '--debug-file <path>',
    'one',
    refused('the agent runs elsewhere: see `hearth attach --raw` and the log of its worker'),
  ],
  ['--ax-screen-reader', 'none', terminal],
  ['--chrome', 'none', terminal],
  ['--desktop', 'none', terminal],
  ['--ide', 'none', terminal],
  ['--tmux', 'none', terminal],
  ['--remote-control [name]', 'maybe', terminal],
  ['--remote-control-session-name-prefix <prefix>', 'one', terminal],
  ['--await-claim', 'none', refused('Hearth manages its spares itself')],
  ['--session-mirror', 'none', refused('Hearth keeps the transcript itself')],
];

/** Every flag of the CLI, by each of its names. */
export const knownFlags: ReadonlyMap<string, KnownFlag> = new Map(
  table.flatMap(([usage, arity, meaning]) => {
    const names = flagNames(usage);
    const name = names.find((word) => word.startsWith('--')) ?? usage;
    return names.map((alias) => [alias, { name, usage: usage.replace(/^(-\w) /, '$1, '), arity, meaning }] as const);
  }),
);

/** Commands of the CLI that are not prompts. */
export const claudeCommands = new Set(
  'agents attach auth auto-mode config doctor gateway import install logs mcp plugin plugins purge respawn rm setup-token stop kill ultrareview update upgrade'.split(
    ' ',
  ),
);
