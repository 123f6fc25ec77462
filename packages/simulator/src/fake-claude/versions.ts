/** What differs between versions of the CLI, in one place. Each line says where it was seen. */
export interface CliVersion {
  /** `--await-claim` and `claim_session`. Seen in 2.1.329; an unknown option of 2.1.197. */
  parks: boolean;
  /** A tool whose hook nobody has answered when stdin ends. Seen: it runs on 2.1.197 and is refused by 2.1.329. */
  waitingHookAtInputEnd: 'runs' | 'refused';
}

const versions: Readonly<Record<string, CliVersion>> = {
  '2.1.197': { parks: false, waitingHookAtInputEnd: 'runs' },
  '2.1.329': { parks: true, waitingHookAtInputEnd: 'refused' },
};

export const newestVersion = '2.1.329';
export const knownVersions = Object.keys(versions);

export const cliVersion = (version: string): CliVersion | undefined => versions[version];
