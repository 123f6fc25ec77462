import { createHash, randomBytes } from 'node:crypto';
import type { ConfiguredToken } from './tokens.js';

/**
 * What minted tokens and cookies are signed with: the option; else made from the admin tokens, so that gateways with the same
 * tokens agree. Only of those that are not confined: who knows all it is made of signs for any session. Tokens given as digests
 * are no secret to who reads the file. Without any that serves, the secret is made for this process (`isShared: false`).
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
