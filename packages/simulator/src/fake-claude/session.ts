import type { Flags } from './flags.js';
import type { Hazards } from './hazards.js';
import type { Mischief } from './mischief.js';
import type { Output } from './output.js';
import type { Permissions } from './permissions.js';
import type { Surroundings } from './surroundings.js';
import type { Transcript } from './transcript.js';
import type { Ledger } from './turn-end.js';

/** What a turn works with. */
export interface Session {
  readonly id: string;
  readonly cwd: string;
  readonly model: string;
  readonly transcript: Transcript;
  readonly output: Output;
  readonly permissions: Permissions;
  readonly mischief: Mischief;
  readonly ledger: Ledger;
  readonly surroundings: Surroundings;
  readonly flags: Flags;
  readonly offeredTools: readonly string[];
  /** Mirrors new transcript entries to the host. */
  mirror(hazards: Pick<Hazards, 'unmirrored' | 'resultFirst'>): void;
}
