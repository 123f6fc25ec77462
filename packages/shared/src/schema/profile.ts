import { isAbsolute } from 'node:path';
import { z } from 'zod';

/** How the CLI takes a field on its command line. Source: Claude Code 2.1.329, `--help`. */
export interface FieldFlag {
  /** Name, aliases and argument, as the CLI's help writes them. */
  usage: string;
  /**
   * `list`: one argument, joined by commas; an empty one means none. `additions`: a list that is left out when it is empty. `folders`: the
   * flag is repeated for each entry.
   */
  value: 'text' | 'number' | 'list' | 'additions' | 'folders';
  /** Hearth does itself what the flag asks for, so agents are not launched with it. */
  byHearth?: true;
}

interface FieldUse {
  /** The CLI's flag. Absent: the field is Hearth's own. */
  flag?: FieldFlag;
  /** Whether agents of profiles that differ in it are different, so that they cannot share a pool. */
  inPoolKey: boolean;
  /** Whether worker records publish a digest of it. Fields that no flag gives, or that hold secrets, are not published. */
  inDigest: boolean;
  /**
   * Whether a warm agent can still take another value: for a `session` when a spare is claimed, or for each `turn`. Source: the CLI's
   * control requests `claim_session`, `set_model` and `set_permission_mode`.
   */
  settable?: 'session' | 'turn';
}

const field = <Schema extends z.ZodType>(schema: Schema, use: FieldUse): { schema: Schema } & FieldUse => ({
  schema,
  ...use,
});

/** A field that is a flag of the CLI. */
const flag = <Schema extends z.ZodType>(
  usage: string,
  value: FieldFlag['value'],
  schema: Schema,
  settable?: FieldUse['settable'],
): { schema: Schema } & FieldUse =>
  field(schema, {
    flag: { usage, value },
    inPoolKey: true,
    inDigest: true,
    ...(settable === undefined ? {} : { settable }),
  });

/** A field of Hearth's own that changes how agents are launched. */
const launch = <Schema extends z.ZodType>(schema: Schema) => field(schema, { inPoolKey: true, inDigest: false });
/** A field of Hearth's own that changes nothing about the agents themselves. */
const policy = <Schema extends z.ZodType>(schema: Schema) => field(schema, { inPoolKey: false, inDigest: false });

/** The longest time a timer of Node can wait, ms. */
const clock = z.number().int().positive().max(2_147_483_647);
const absolutePath = z.string().refine(isAbsolute, 'an absolute path');
const names = z.array(z.string().min(1));
const permissionModes = z.enum(['default', 'acceptEdits', 'plan', 'dontAsk', 'bypassPermissions']);

/** The fields of a profile that are flags of the CLI. */
const cliFields = {
  model: flag('--model <model>', 'text', z.string().min(1).optional(), 'turn'),
  fallbackModel: flag('--fallback-model <model>', 'text', z.string().min(1).optional()),
  permissionMode: flag('--permission-mode <mode>', 'text', permissionModes.default('default'), 'turn'),
  allowedTools: flag('--allowedTools --allowed-tools <tools...>', 'additions', names.default([])),
  disallowedTools: flag('--disallowedTools --disallowed-tools <tools...>', 'additions', names.default([])),
  /** The built-in tools that exist at all. Absent: all. */
  tools: flag('--tools <tools...>', 'list', names.optional()),
  systemPrompt: flag('--system-prompt <prompt>', 'text', z.string().optional()),
  appendSystemPrompt: flag('--append-system-prompt <prompt>', 'text', z.string().optional(), 'session'),
  mcpConfig: flag('--mcp-config <configs...>', 'text', absolutePath.optional()),
  settings: flag('--settings <file-or-json>', 'text', absolutePath.optional()),
  settingSources: flag('--setting-sources <sources>', 'list', z.array(z.enum(['user', 'project', 'local'])).optional()),
  addDirs: flag('--add-dir <directories...>', 'folders', z.array(absolutePath).default([]), 'session'),
  maxTurns: flag('--max-turns <turns>', 'number', z.number().int().positive().optional()),
  /** What one turn may cost. The CLI's own flag counts over the life of the process, which serves many turns. */
  maxBudgetUsd: field(z.number().positive().optional(), {
    flag: { usage: '--max-budget-usd <amount>', value: 'number', byHearth: true },
    inPoolKey: true,
    inDigest: true,
  }),
};

/** Flags that Hearth sets on every agent. A profile that named one would break affinity, resume or the stream. */
const hearthFlags =
  '-p --print -c --continue -r --resume --session-id --fork-session --session-mirror --await-claim --input-format --output-format --include-partial-messages --verbose --replay-user-messages --no-session-persistence --permission-prompt-tool --dangerously-skip-permissions';

/** The names in a usage: `--allowedTools --allowed-tools <tools...>` → two. */
export const flagNames = (usage: string): string[] => usage.split(' ').filter((word) => word.startsWith('-'));

const reservedFlags = new Set([
  ...flagNames(hearthFlags),
  ...Object.values(cliFields).flatMap((use) => flagNames(use.flag?.usage ?? '')),
]);

const extraArgs = z
  .array(z.string())
  .default([])
  .superRefine((args, context) => {
    for (const arg of args) {
      const name = arg.split('=')[0] ?? arg;
      // A short flag can have its value attached: -r<id>.
      if (reservedFlags.has(name) || /^-[pcr]/.test(name)) {
        context.addIssue({
          code: 'custom',
          message: `${name} is set by Hearth; use the profile's own field for it, or leave it out`,
        });
      }
    }
  });

/** Every field of a profile, declared once. Schema, command line, pool key, published digest and the drop-in's flags are made from it. */
const profileFields = {
  ...cliFields,
  /** `scratch`: a folder of its own for each session. Otherwise one folder that all sessions of the profile share. */
  workspace: launch(z.union([z.literal('scratch'), absolutePath]).default('scratch')),
  /** Whether `@path` in a prompt puts that file into the request, before any tool gate or permission. Otherwise prompts are verbatim. */
  mentions: launch(z.boolean().default(false)),
  /** Slash commands that a prompt may consist of. Others reach the model as text. */
  commands: launch(
    z.array(z.string().regex(/^\/\S+$/, 'a command: /name')).default(['/compact', '/clear', '/context', '/cost']),
  ),
  /** Whether tools and sub-agents may go on after the result of their turn. `off`: they run within it. */
  background: launch(z.enum(['on', 'off']).default('on')),
  /** Other flags of the CLI, as on a command line. */
  extraArgs: launch(extraArgs),
  /** Variables for the agent besides those that are always passed (`ANTHROPIC_*`, proxies, …). */
  env: launch(z.record(z.string(), z.string()).default({})),
  /** Names of variables of the worker that are passed on. */
  passEnv: launch(z.array(z.string()).default([])),
  /** A user's own Claude config dir whose login the agents use. Absent: credentials come from the environment only. */
  loginFrom: launch(absolutePath.optional()),
  /**
   * A folder that is copied into each agent's own config dir: CLAUDE.md, settings.json, skills, commands, agents. Absent: agents have none of
   * the user's. Logins and transcripts in it are left out.
   */
  configTemplate: launch(absolutePath.optional()),
  /** How long an agent may take to start and initialise, ms. */
  startTimeoutMs: launch(z.number().int().positive().default(30_000)),
  /** How many spares to keep. */
  spares: policy(z.number().int().min(0).max(64).default(1)),
  /** How long a permission request waits for an answer before it is denied, ms. */
  permissionDeadlineMs: policy(clock.default(10 * 60_000)),
  /** Whether a permission request waits, or is denied at once, while no process reads the session's events. */
  permissionUnwatched: policy(z.enum(['wait', 'deny']).default('wait')),
  /** How long after its begin a turn may take to the first line of its agent, ms. */
  firstEventTimeoutMs: policy(clock.default(5 * 60_000)),
  /** How long the agent may be silent in mid-turn, ms. Every line of the CLI and every running tool is a sign of life. */
  silenceTimeoutMs: policy(clock.default(10 * 60_000)),
  /** How long a turn may run, ms, without the time in which a person is asked for a permission. */
  turnTimeoutMs: policy(clock.default(2 * 3_600_000)),
};

export type ProfileFieldName = keyof typeof profileFields;

/** The names of the fields whose use matches. */
export function fieldsWhere(isUsed: (use: FieldUse) => boolean): ProfileFieldName[] {
  const entries = Object.entries(profileFields) as [ProfileFieldName, FieldUse][];
  return entries.filter(([, use]) => isUsed(use)).map(([name]) => name);
}

/** The fields that are flags of the CLI, in the order of the command line. */
export const cliFlags: readonly (FieldFlag & { field: ProfileFieldName })[] = (
  Object.entries(cliFields) as [ProfileFieldName, FieldUse][]
).flatMap(([name, use]) => (use.flag === undefined ? [] : [{ field: name, ...use.flag }]));

type Shape = { [Name in keyof typeof profileFields]: (typeof profileFields)[Name]['schema'] };

const shape = Object.fromEntries(Object.entries(profileFields).map(([name, { schema }]) => [name, schema])) as Shape;

/** A named launch specification on the worker. Every field is optional. What is left out is the CLI's own default. */
export const profileSchema = z.strictObject(shape);
export type Profile = z.infer<typeof profileSchema>;

/** Profile name → profile. `default` always exists. */
export const profilesSchema = z
  .record(z.string().regex(/^[a-zA-Z0-9._-]{1,64}$/, 'a profile name: 1–64 of a-z A-Z 0-9 . _ -'), profileSchema)
  .transform((profiles) => ({ default: profileSchema.parse({}), ...profiles }));
export type Profiles = Record<string, Profile>;

/** The profile of a session whose first turn names none. */
export const defaultProfile = 'default';
