import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Profile } from '@hearth/shared';
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
 * The one function that makes an agent's command line: spares, cold launches and resumes differ in `beginning` alone, so that
 * a resume repeats every flag (a missing one would lose the prompt cache).
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
  args.push('--permission-prompt-tool', 'stdio', '--permission-mode', profile.permissionMode);
  if (beginning.kind === 'resumed') args.push('--resume', beginning.transcript);
  else args.push('--session-id', beginning.claudeSessionId);
  if (beginning.kind === 'parked') args.push('--await-claim');
  const option = (flag: string, value: string | number | undefined): void => {
    if (value !== undefined) args.push(flag, String(value));
  };
  option('--model', profile.model);
  option('--fallback-model', profile.fallbackModel);
  option('--system-prompt', profile.systemPrompt);
  option('--append-system-prompt', profile.appendSystemPrompt);
  option('--mcp-config', profile.mcpConfig);
  option('--settings', profile.settings);
  option('--setting-sources', profile.settingSources?.join(','));
  option('--max-turns', profile.maxTurns);
  option('--max-budget-usd', profile.maxBudgetUsd);
  option('--tools', profile.tools?.join(','));
  if (profile.allowedTools.length > 0) args.push('--allowedTools', profile.allowedTools.join(','));
  if (profile.disallowedTools.length > 0) args.push('--disallowedTools', profile.disallowedTools.join(','));
  for (const folder of profile.addDirs) args.push('--add-dir', folder);
  return [...args, ...profile.extraArgs];
}

/** What every program needs of its surroundings. */
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
/** Amazon's variables go along only when Bedrock is asked for. */
const bedrockPrefix = 'AWS_';

/** The agent's environment, made from an allow-list: never the worker's own (`REDIS_URL`, `CLAUDECODE`, tokens of others). */
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
    ...profile.env,
    CLAUDE_CONFIG_DIR: configDir(launch),
    // The CLI leaves files in its temporary folder (output of tools, images): they go with the agent.
    CLAUDE_CODE_TMPDIR: join(launch.home, 'tmp'),
    [workerMark]: launch.workerId,
    [agentMark]: launch.agentId,
  };
}

/** As the CLI reads its switches. */
const isOn = (value = ''): boolean => ['1', 'true', 'yes', 'on'].includes(value.trim().toLowerCase());

/** The agent's config dir. Each agent has its own, because concurrent writers tear `.claude.json` (a reported hazard). */
export const configDir = (launch: Launch): string => join(launch.home, 'config');

/** Where the transcript of a resumed agent is written, in its home. */
export const transcriptFolder = (home: string): string => join(home, 'transcript');

/** Equal for profiles whose agents are interchangeable: the key of a pool. */
export function launchKey(profile: Profile): string {
  const { spares: _spares, permissionDeadlineMs: _deadline, permissionUnwatched: _unwatched, ...launched } = profile;
  const { firstEventTimeoutMs: _first, silenceTimeoutMs: _silence, turnTimeoutMs: _turn, ...spec } = launched;
  return createHash('sha256')
    .update(JSON.stringify(spec, Object.keys(spec).sort()))
    .update(JSON.stringify(spec.env))
    .digest('hex');
}
