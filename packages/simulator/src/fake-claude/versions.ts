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

/** The behaviour of a version. `knownAs`: the version in the table that stands for it. */
export interface KnownVersion {
  knownAs: string;
  abilities: CliVersion;
}

/** Looks a version up. One that is newer than the table behaves like the newest in it; any other one that is not in it is undefined. */
export function cliVersion(version: string): KnownVersion | undefined {
  const knownAs = isNewer(version, newestVersion) ? newestVersion : version;
  const abilities = versions[knownAs];
  return abilities === undefined ? undefined : { knownAs, abilities };
}

/** The notice for a version that another one stands for. Undefined for a version in the table. */
export const versionNotice = (version: string, { knownAs }: KnownVersion): string | undefined =>
  knownAs === version
    ? undefined
    : `Claude Code ${version} is newer than the table of versions; it is taken as ${knownAs}.`;

function isNewer(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  const at = a?.findIndex((part, index) => part !== b?.[index]) ?? -1;
  return at !== -1 && (a?.[at] ?? 0) > (b?.[at] ?? 0);
}
