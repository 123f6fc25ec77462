/** The differences between versions of the CLI. The contract suite checks each version. */
export interface CliVersion {
  /** Whether `--await-claim` and `claim_session` exist. */
  parks: boolean;
  /** What happens to a tool whose hook has no answer when stdin ends. */
  waitingHookAtInputEnd: 'runs' | 'refused';
  /** What happens to running shells at SIGTERM. */
  shellsAtTerm: 'ended' | 'left';
  /** `terminal_reason` of a turn that the API refused. */
  reasonOfApiError: 'completed' | 'api_error';
  /** Whether results have a `result_index`. */
  numbersResults: boolean;
}

const versions: Readonly<Record<string, CliVersion>> = {
  '2.1.197': {
    parks: false,
    waitingHookAtInputEnd: 'runs',
    shellsAtTerm: 'left',
    reasonOfApiError: 'completed',
    numbersResults: false,
  },
  '2.1.329': {
    parks: true,
    waitingHookAtInputEnd: 'refused',
    shellsAtTerm: 'ended',
    reasonOfApiError: 'api_error',
    numbersResults: true,
  },
};

export const newestVersion = '2.1.329';
export const knownVersions = Object.keys(versions);

export const cliVersion = (version: string): CliVersion | undefined => versions[version];
