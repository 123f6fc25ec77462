/** What differs between versions of the CLI, in one place: seen by the contract suite, run with each. */
export interface CliVersion {
  /** `--await-claim` and `claim_session`; else an unknown option. */
  parks: boolean;
  /** A tool whose hook nobody has answered when stdin ends. */
  waitingHookAtInputEnd: 'runs' | 'refused';
  /** Shells at work when it is told to terminate. */
  shellsAtTerm: 'ended' | 'left';
  /** `terminal_reason` of a turn that the API refused. */
  reasonOfApiError: 'completed' | 'api_error';
  /** Results carry a number, `result_index`. */
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
