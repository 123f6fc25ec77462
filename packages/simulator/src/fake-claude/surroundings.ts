import type { Scenario } from '../scenario.js';
import type { SharedCounter } from './counter.js';
import type { CliVersion } from './versions.js';

/** Set by Hearth's worker for every agent; other hosts leave it out. */
export const agentMark = 'HEARTH_MARK_AGENT';

/** What lies around the process: read once, by the root. */
export interface Surroundings {
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  configDir: string;
  version: string;
  abilities: CliVersion;
  scenario: Scenario | undefined;
  /** Where `Effect` writes. */
  effectsFile: string | undefined;
  counter: SharedCounter;
  /** Ends the shells that run, each. */
  shells: Set<() => void>;
  /** Ends the process at once. */
  die: (how: number | NodeJS.Signals) => never;
  stderr: (text: string) => void;
}
