import { createHash, randomBytes } from 'node:crypto';
import type { ConfiguredToken } from './tokens.js';

/**
 * The secret that signs minted tokens and cookies: the option, else made from the admin tokens, so that gateways with the same tokens
 * agree. Only admin tokens that are not confined count, because a holder of all of them may sign for any session. Digests do not count,
 * because they are no secret to a reader of the file. Without a usable token the secret is made for this process (`isShared: false`).
 */
export function signingSecret({
  tokenSecret,
  tokens = [],
}: {
  tokenSecret?: string | undefined;
  tokens?: readonly ConfiguredToken[] | undefined;
}): {
  secret: Buffer;
  isShared: boolean;
} {
  const admins = tokens
    .filter(({ scope, prefix }) => scope === 'admin' && prefix === undefined)
    .flatMap((token) => ('token' in token ? token.token : []))
    .sort();
  const material = tokenSecret ?? (admins.length > 0 ? JSON.stringify(admins) : undefined);
  if (material === undefined) return { secret: randomBytes(32), isShared: false };
  return { secret: createHash('sha256').update(`hearth gateway ${material}`, 'utf8').digest(), isShared: true };
}
