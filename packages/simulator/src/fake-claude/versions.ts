/** What differs between versions of the CLI, in one place. Each line says where it was seen. */
export interface CliVersion {
  /** `--await-claim` and `claim_session`. Seen in 2.1.329; an unknown option of 2.1.197. */
  parks: boolean;
  /** A tool whose hook nobody has answered when stdin ends. Seen: it runs on 2.1.197 and is refused by 2.1.329. */
  waitingHookAtInputEnd: 'runs' | 'refused';
  /** Lines `system/thinking_tokens` beside a thinking block. Seen in 2.1.329. */
  countsThinking: boolean;
  /**
   * An inherited CLAUDECODE stops it. Reported for interactive starts, not seen: 2.1.329 answers with it set in print mode.
   * The stand-in always refuses, so that a host that passes it on is found out.
   */
  refusesNested: boolean;
}

const versions: Readonly<Record<string, CliVersion>> = {
  '2.1.197': { parks: false, waitingHookAtInputEnd: 'runs', countsThinking: false, refusesNested: true },
  '2.1.329': { parks: true, waitingHookAtInputEnd: 'refused', countsThinking: true, refusesNested: true },
};

export const newestVersion = '2.1.329';
export const knownVersions = Object.keys(versions);

export const cliVersion = (version: string): CliVersion | undefined => versions[version];
