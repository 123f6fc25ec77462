import { HearthError, sessionIdSchema } from '@hearth/shared';
import { z } from 'zod';
import { type Grant, type MintedScope, mintedScopes } from './grant.js';
import type { Seal } from './seal.js';
import type { KnownTokens } from './tokens.js';

/** How long a browser stays signed in, ms. */
const signInMs = 12 * 3_600_000;

/** The prefix that tells minted tokens from configured ones. */
const mintedMark = 'hearth_';

const claimsSchema = z.object({
  sessionId: sessionIdSchema,
  scope: z.enum(mintedScopes),
  /** ms since 1970 */
  expiresAt: z.number(),
  /** The name of the admin that minted it. */
  by: z.string(),
});
type Claims = z.infer<typeof claimsSchema>;

/** The content of a cookie: the configured token that signed in, or the content of a minted one. */
const signInSchema = z.object({
  token: z.union([z.string(), claimsSchema]),
  expiresAt: z.number(),
});

/** A caller with a valid token or cookie. */
export interface Caller {
  grant: Grant;
  /** When it expires, ms since 1970. Absent: never. */
  expiresAt?: number;
}

/** Checks credentials: configured tokens, minted ones, and cookies of browsers that signed in with either. Holds no state. */
export class Credentials {
  constructor(
    private readonly known: KnownTokens,
    private readonly seal: Seal,
    private readonly now: () => number = Date.now,
  ) {}

  /** Returns the caller of a token. @throws HearthError `unauthenticated` */
  bearer(token: string): Caller {
    if (token.startsWith(mintedMark)) {
      const claims = claimsSchema.safeParse(this.seal.open('minted', token.slice(mintedMark.length)));
      if (claims.success) return this.callerOf(claims.data);
    }
    const known = this.known.find(token);
    if (known === undefined)
      throw unauthenticated('The token is not known.', 'a token of the configuration, or one that was minted');
    return { grant: known.grant };
  }

  /** Mints a token for one session. @param expiresInMs from now */
  mint(
    by: Grant,
    { sessionId, scope, expiresInMs }: { sessionId: string; scope: MintedScope; expiresInMs: number },
  ): { token: string; expiresAt: number } {
    const claims: Claims = { sessionId, scope, expiresAt: this.now() + expiresInMs, by: by.name };
    return { token: mintedMark + this.seal.close('minted', claims), expiresAt: claims.expiresAt };
  }

  /** Returns the cookie value for a browser that came with a token. @throws HearthError `unauthenticated` */
  signIn(token: string): { cookie: string; caller: Caller; maxAgeMs: number } {
    const caller = this.bearer(token);
    const now = this.now();
    const expiresAt = Math.min(caller.expiresAt ?? Number.POSITIVE_INFINITY, now + signInMs);
    const named = this.known.find(token)?.id ?? this.seal.open('minted', token.slice(mintedMark.length));
    const cookie = this.seal.close('sign-in', { token: named, expiresAt });
    return { cookie, caller: { ...caller, expiresAt }, maxAgeMs: expiresAt - now };
  }

  /** Returns the caller of a cookie. Undefined when the cookie is not valid. */
  cookie(cookie: string): Caller | undefined {
    const signIn = signInSchema.safeParse(this.seal.open('sign-in', cookie));
    if (!signIn.success || signIn.data.expiresAt <= this.now()) return undefined;
    const { token, expiresAt } = signIn.data;
    if (typeof token !== 'string') return { grant: grantOf(token), expiresAt };
    const known = this.known.byId(token);
    return known && { grant: known.grant, expiresAt };
  }

  /** The CSRF token of a cookie. A browser sends it with its writes; a page of another site cannot know it. */
  csrfToken(cookie: string): string {
    return this.seal.sign('csrf', cookie);
  }

  isCsrfToken(cookie: string, given: string): boolean {
    return this.seal.isSignature('csrf', cookie, given);
  }

  private callerOf(claims: Claims): Caller {
    if (claims.expiresAt <= this.now()) {
      throw unauthenticated('The token has expired.', 'a token that is still valid', 'Have another one minted.');
    }
    return { grant: grantOf(claims), expiresAt: claims.expiresAt };
  }
}

const grantOf = ({ sessionId, scope, by }: Claims): Grant => ({ name: `minted-by-${by}`, scope, sessionId });

export function unauthenticated(
  message: string,
  expected: string,
  wayOut = 'Send one as `Authorization: Bearer <token>`; a browser signs in with POST /login.',
): HearthError {
  return new HearthError('unauthenticated', message, { field: 'authorization', expected, wayOut });
}
