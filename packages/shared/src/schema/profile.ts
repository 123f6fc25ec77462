import { isAbsolute } from 'node:path';
import { z } from 'zod';

/** Flags Hearth itself sets on an agent: a profile that names one would break affinity, resume or the stream. */
const ownFlags = new Set([
  '-p',
  '--print',
  '-c',
  '--continue',
  '-r',
  '--resume',
  '--session-id',
  '--fork-session',
  '--session-mirror',
  '--await-claim',
  '--input-format',
  '--output-format',
  '--include-partial-messages',
  '--verbose',
  '--replay-user-messages',
  '--no-session-persistence',
  '--permission-prompt-tool',
  '--permission-mode',
  '--dangerously-skip-permissions',
  '--model',
  '--fallback-model',
  '--allowedTools',
  '--allowed-tools',
  '--disallowedTools',
  '--disallowed-tools',
  '--tools',
  '--system-prompt',
  '--append-system-prompt',
  '--mcp-config',
  '--settings',
  '--setting-sources',
  '--add-dir',
  '--max-turns',
  '--max-budget-usd',
]);

/** Node's timers hold so many ms. */
const clock = z.number().int().positive().max(2_147_483_647);

const absolutePath = z.string().refine(isAbsolute, 'an absolute path');

/** A named launch specification on the worker. Every field is optional; what is left out is the CLI's own default. */
export const profileSchema = z.strictObject({
  model: z.string().min(1).optional(),
  fallbackModel: z.string().min(1).optional(),
  /** `scratch`: a folder of its own for each session; else one folder that all sessions of the profile share. */
  workspace: z.union([z.literal('scratch'), absolutePath]).default('scratch'),
  permissionMode: z.enum(['default', 'acceptEdits', 'plan', 'dontAsk', 'bypassPermissions']).default('default'),
  allowedTools: z.array(z.string().min(1)).default([]),
  disallowedTools: z.array(z.string().min(1)).default([]),
  /** The built-in tools that exist at all; absent: all. */
  tools: z.array(z.string().min(1)).optional(),
  systemPrompt: z.string().optional(),
  appendSystemPrompt: z.string().optional(),
  mcpConfig: absolutePath.optional(),
  settings: absolutePath.optional(),
  settingSources: z.array(z.enum(['user', 'project', 'local'])).optional(),
  addDirs: z.array(absolutePath).default([]),
  maxTurns: z.number().int().positive().optional(),
  maxBudgetUsd: z.number().positive().optional(),
  /** Further flags of the CLI, as they stand on a command line. */
  extraArgs: z
    .array(z.string())
    .default([])
    .superRefine((args, context) => {
      for (const arg of args) {
        const flag = arg.split('=')[0] ?? arg;
        // Short flags may have their value glued on: -r<id>.
        if (ownFlags.has(flag) || /^-[pcr]/.test(flag)) {
          context.addIssue({
            code: 'custom',
            message: `${flag} is set by Hearth; use the profile's own field for it, or leave it out`,
          });
        }
      }
    }),
  /** Variables for the agent besides what is always passed (`ANTHROPIC_*`, proxies, …). */
  env: z.record(z.string(), z.string()).default({}),
  /** Names of variables of the worker that are passed on. */
  passEnv: z.array(z.string()).default([]),
  /** A user's own Claude config dir whose login the agents may use. Absent: credentials come from the environment only. */
  loginFrom: absolutePath.optional(),
  /** How many spares to keep. */
  spares: z.number().int().min(0).max(64).default(1),
  /** ms a permission request waits for an answer; then it is denied. */
  permissionDeadlineMs: clock.default(10 * 60_000),
  /** What becomes of a permission request while nobody reads the session's events: it waits all the same, or is denied at once. */
  permissionUnwatched: z.enum(['wait', 'deny']).default('wait'),
  /** ms from a turn's begin to the first thing the agent says or does. */
  firstEventTimeoutMs: clock.default(5 * 60_000),
  /** ms the agent may say and do nothing in mid-turn; tools that run and retries of the model API are signs of life. */
  silenceTimeoutMs: clock.default(10 * 60_000),
  /** ms from a turn's begin to its end, without the time in which somebody was asked for a permission. */
  turnTimeoutMs: clock.default(2 * 3_600_000),
  /** ms until an agent must have started and initialised. */
  startTimeoutMs: z.number().int().positive().default(30_000),
});
export type Profile = z.infer<typeof profileSchema>;

/** Profile name → profile. `default` always exists. */
export const profilesSchema = z
  .record(z.string().regex(/^[a-zA-Z0-9._-]{1,64}$/, 'a profile name: 1–64 of a-z A-Z 0-9 . _ -'), profileSchema)
  .transform((profiles) => ({ default: profileSchema.parse({}), ...profiles }));
export type Profiles = Record<string, Profile>;

/** The profile of a session whose first turn names none. */
export const defaultProfile = 'default';
