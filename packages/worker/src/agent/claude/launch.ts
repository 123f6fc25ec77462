import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Profile } from '@hearth/shared';
import { cliFlags, type FieldFlag, fieldsWhere, flagNames } from '@hearth/shared/internal';
import { agentMark, workerMark } from '../../processes/marked.js';
import type { Launch } from '../driver.js';

/** Callback id of the tool gate's PreToolUse hook. */
export const gateCallback = 'hearth-tool-gate';

/** How an agent begins: parked without a folder, placed in a folder without a conversation, or resumed from a transcript file. */
export type Beginning =
  | { kind: 'parked'; claudeSessionId: string }
  | { kind: 'placed'; claudeSessionId: string }
  | { kind: 'resumed'; claudeSessionId: string; transcript: string };

/**
 * Makes an agent's command line. Spares, cold starts and resumes differ in `beginning` only, because a resume must repeat every flag
 * or lose the prompt cache.
 *
 * Source of the flags: Claude Code 2.1.197 and 2.1.329, `--help` and observation.
 */
export function commandLine(profile: Profile, beginning: Beginning, mirrors = true): string[] {
  const args = [
    '-p',
    '--input-format',
    'stream-json',
    '--output-format',
    'stream-json',
    '--verbose',
    '--include-partial-messages',
  ];
  if (mirrors) args.push('--session-mirror');
  args.push('--permission-prompt-tool', 'stdio');
  if (beginning.kind === 'resumed') args.push('--resume', beginning.transcript);
  else args.push('--session-id', beginning.claudeSessionId);
  if (beginning.kind === 'parked') args.push('--await-claim');
  for (const flag of cliFlags)
    if (flag.byHearth !== true) args.push(...flagArguments(flag, profile[flag.field] as FlagValue));
  return [...args, ...profile.extraArgs];
}

type FlagValue = string | number | readonly string[] | undefined;

/** The arguments for one field of a profile. None when the field is left out. */
function flagArguments({ usage, value: kind }: FieldFlag, value: FlagValue): string[] {
  const [name = ''] = flagNames(usage);
  if (value === undefined) return [];
  if (typeof value !== 'object') return [name, String(value)];
  if (kind === 'folders') return value.flatMap((folder) => [name, folder]);
  return kind === 'additions' && value.length === 0 ? [] : [name, value.join(',')];
}

/** Variables that every program needs. */
const basics = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR', 'TERM', 'IS_SANDBOX'];
/** Credentials, providers, proxies, authorities. */
const passed = [
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_SKIP_BEDROCK_AUTH',
  'CLAUDE_CODE_SKIP_VERTEX_AUTH',
  'CLOUD_ML_REGION',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'GOOGLE_CLOUD_PROJECT',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
];
const passedPrefixes = ['ANTHROPIC_', 'VERTEX_REGION_', 'LC_'];
/** Amazon's variables are passed only when Bedrock is switched on. */
const bedrockPrefix = 'AWS_';

/** Makes the agent's environment from an allow-list. The worker's own variables (`REDIS_URL`, `CLAUDECODE`, tokens) are not passed. */
export function environment(launch: Launch, worker: NodeJS.ProcessEnv): Record<string, string> {
  const { profile } = launch;
  const names = new Set([...basics, ...passed, ...profile.passEnv]);
  const bedrock = isOn(profile.env['CLAUDE_CODE_USE_BEDROCK'] ?? worker['CLAUDE_CODE_USE_BEDROCK']);
  const prefixes = bedrock ? [...passedPrefixes, bedrockPrefix] : passedPrefixes;
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(worker)) {
    if (value === undefined || value === '') continue;
    if (names.has(name) || prefixes.some((prefix) => name.startsWith(prefix))) env[name] = value;
  }
  return {
    ...env,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    ...(profile.background === 'off' ? { CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1' } : {}),
    ...profile.env,
    CLAUDE_CONFIG_DIR: configDir(launch),
    // The CLI leaves files in its temporary folder (output of tools, images). They are removed with the agent's home.
    CLAUDE_CODE_TMPDIR: join(launch.home, 'tmp'),
    [workerMark]: launch.workerId,
    [agentMark]: launch.agentId,
  };
}

/** Whether a variable is on, as the CLI reads its switches. */
const isOn = (value = ''): boolean => ['1', 'true', 'yes', 'on'].includes(value.trim().toLowerCase());

/** The agent's config dir. Each agent has its own, because concurrent writers tear `.claude.json` (a reported hazard). */
export const configDir = (launch: Launch): string => join(launch.home, 'config');

/** Where the transcript of a resumed agent is written, in its home. */
export const transcriptFolder = (home: string): string => join(home, 'transcript');

const poolKeyFields = fieldsWhere(({ inPoolKey }) => inPoolKey);

/** The key of a pool: equal for profiles whose agents are interchangeable. */
export function launchKey(profile: Profile): string {
  const env = Object.entries(profile.env).sort(([a], [b]) => a.localeCompare(b));
  const values = poolKeyFields.map((name) => (name === 'env' ? env : profile[name]));
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}
