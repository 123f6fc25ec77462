import { Refusal } from './command-line.js';

/** What the environment says to a call; docs/drop-in.md. */
export interface Settings {
  /** Profile of new sessions. `HEARTH_CLAUDE_PROFILE`. @defaultValue undefined: the cluster's own default */
  profile: string | undefined;
  /** Under which name sessions are continued. `HEARTH_CLAUDE_NAME`. @defaultValue the folder, as the CLI does */
  name: string;
  /** Who answers permission requests: `deny` answers for everybody, `wait` leaves them to others. `HEARTH_CLAUDE_PERMISSIONS`. @defaultValue `deny` */
  permissions: 'deny' | 'wait';
  /** Without a cluster the real claude is run. `HEARTH_CLAUDE_FALLBACK`: `1`. @defaultValue false */
  fallback: boolean;
}

/** An empty variable is an unset one. @throws Refusal naming the variable */
export function readSettings(env: NodeJS.ProcessEnv, folder: string): Settings {
  return {
    profile: env['HEARTH_CLAUDE_PROFILE'] || undefined,
    name: env['HEARTH_CLAUDE_NAME'] || folder,
    permissions: choice(env, 'HEARTH_CLAUDE_PERMISSIONS', ['deny', 'wait']),
    fallback: choice(env, 'HEARTH_CLAUDE_FALLBACK', ['0', '1']) === '1',
  };
}

/** The first is the default. */
function choice<T extends string>(env: NodeJS.ProcessEnv, name: string, choices: readonly [T, ...T[]]): T {
  const given = env[name] || choices[0];
  const found = choices.find((one) => one === given);
  if (found !== undefined) return found;
  throw new Refusal(`error: ${name} is "${given}". Allowed choices are ${choices.join(', ')}.`);
}
