import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HearthError } from '@hearth/shared';
import { userHome } from '@hearth/shared/internal';

/** Environment variables that give an agent an account, with a description. */
const variables = [
  ['ANTHROPIC_API_KEY', 'an API key'],
  ['ANTHROPIC_AUTH_TOKEN', 'a bearer token for a gateway'],
  ['CLAUDE_CODE_OAUTH_TOKEN', 'a token from `claude setup-token`'],
  ['CLAUDE_CODE_USE_BEDROCK', 'Amazon Bedrock'],
  ['CLAUDE_CODE_USE_VERTEX', 'Google Vertex AI'],
] as const;

export interface Credentials {
  /** The variable that has them. */
  found: string | undefined;
  lookedFor: readonly string[];
  /** Whether a login of `claude` itself exists on this machine. Agents use it only when a profile says so. Its content is never read. */
  loginExists: boolean;
}

const configDirOfUser = (env: NodeJS.ProcessEnv): string | undefined => {
  const home = userHome();
  return env['CLAUDE_CONFIG_DIR'] || (home === undefined ? undefined : join(home, '.claude'));
};

/** What the user of this machine has for `claude` itself, besides a login: paths. */
export function userFilesOfClaude(env: NodeJS.ProcessEnv = process.env): string[] {
  const config = configDirOfUser(env);
  if (config === undefined) return [];
  const names = ['CLAUDE.md', 'settings.json', 'skills', 'commands', 'agents'];
  return names.map((name) => join(config, name)).filter((path) => existsSync(path));
}

/** Finds the credentials that agents of this machine would have. Reads no secret. */
export function lookForCredentials(env: NodeJS.ProcessEnv = process.env): Credentials {
  const config = configDirOfUser(env);
  return {
    found: variables.find(([name]) => env[name])?.[0],
    lookedFor: variables.map(([name]) => name),
    loginExists: config !== undefined && existsSync(join(config, '.credentials.json')),
  };
}

export function howToGiveCredentials({ loginExists }: Credentials): string {
  const ways = variables.map(([name, what]) => `  ${name.padEnd(26)} ${what}`).join('\n');
  const login = loginExists
    ? '\nThere is a login of `claude` itself; agents use it when the profile says "loginFrom": "<that config dir>".'
    : '';
  return `Set one of these in the environment:\n${ways}${login}\nOr try everything without an account: \`hearth up --demo\` uses the simulator's model with the real CLI.`;
}

export function noCredentials(credentials: Credentials): HearthError {
  return new HearthError(
    'invalid_options',
    `No credentials for Claude: looked for ${credentials.lookedFor.join(', ')}.`,
    {
      field: 'credentials',
      expected: 'one of these variables',
      wayOut: howToGiveCredentials(credentials),
    },
  );
}
