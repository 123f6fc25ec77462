import type { Scenario } from '../scenario.js';
import type { SharedCounter } from './counter.js';
import type { CliVersion } from './versions.js';

/** Hearth's worker sets it for every agent. Other hosts do not. */
export const agentMark = 'HEARTH_MARK_AGENT';

/** The environment of the process, read once by the root. */
export interface Surroundings {
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  configDir: string;
  version: string;
  abilities: CliVersion;
  scenario: Scenario | undefined;
  /** The file to which `Effect` appends. */
  effectsFile: string | undefined;
  counter: SharedCounter;
  /** Kills each running shell. */
  shells: Set<() => void>;
  /** Ends the process at once. */
  die: (how: number | NodeJS.Signals) => never;
  stderr: (text: string) => void;
}
