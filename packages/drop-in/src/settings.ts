import { Refusal } from './command-line.js';

/** Settings of a call from the environment: docs/drop-in.md. */
export interface Settings {
  /** Profile of new sessions. `HEARTH_CLAUDE_PROFILE`. @defaultValue undefined: the cluster's own default */
  profile: string | undefined;
  /** The name under which sessions are continued. `HEARTH_CLAUDE_NAME`. @defaultValue the folder, as the CLI does */
  name: string;
  /** What happens to permission requests: `deny` denies all, `wait` leaves them to other processes. `HEARTH_CLAUDE_PERMISSIONS`. @defaultValue `deny` */
  permissions: 'deny' | 'wait';
  /** Whether the real claude runs when there is no cluster. `HEARTH_CLAUDE_FALLBACK`: `1`. @defaultValue false */
  fallback: boolean;
}

/** Reads the settings. An empty variable is an unset one. @throws Refusal naming the variable */
export function readSettings(env: NodeJS.ProcessEnv, folder: string): Settings {
  return {
    profile: env['HEARTH_CLAUDE_PROFILE'] || undefined,
    name: env['HEARTH_CLAUDE_NAME'] || folder,
    permissions: choice(env, 'HEARTH_CLAUDE_PERMISSIONS', ['deny', 'wait']),
    fallback: choice(env, 'HEARTH_CLAUDE_FALLBACK', ['0', '1']) === '1',
  };
}

/** Reads a choice. The first one is the default. */
function choice<T extends string>(env: NodeJS.ProcessEnv, name: string, choices: readonly [T, ...T[]]): T {
  const given = env[name] || choices[0];
  const found = choices.find((one) => one === given);
  if (found !== undefined) return found;
  throw new Refusal(`error: ${name} is "${given}". Allowed choices are ${choices.join(', ')}.`);
}
