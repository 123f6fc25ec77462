import { HearthError, sessionIdSchema } from '@hearth/shared';
import { z } from 'zod';
import { type Grant, type MintedScope, mintedScopes } from './grant.js';
import type { Seal } from './seal.js';
import type { KnownTokens } from './tokens.js';

/** A browser stays signed in for so long, ms. */
const signInMs = 12 * 3_600_000;

/** Tells a minted token from one of the configuration. */
const mintedMark = 'hearth_';

const claimsSchema = z.object({
  sessionId: sessionIdSchema,
  scope: z.enum(mintedScopes),
  /** ms since 1970 */
  expiresAt: z.number(),
  /** Who minted it. */
  by: z.string(),
});
type Claims = z.infer<typeof claimsSchema>;

/** What a cookie holds: which token signed in, or what a minted one said. */
const signInSchema = z.object({
  token: z.union([z.string(), claimsSchema]),
  expiresAt: z.number(),
});

/** Somebody whose token or cookie is valid. */
export interface Caller {
  grant: Grant;
  /** When it ends, ms since 1970; absent: it does not by itself. */
  expiresAt?: number;
}

/** Knows who may come in: tokens of the configuration, minted ones, and browsers that signed in with either. Holds no state. */
export class Credentials {
  constructor(
    private readonly known: KnownTokens,
    private readonly seal: Seal,
    private readonly now: () => number = Date.now,
  ) {}

  /** Whom a token stands for. @throws HearthError `unauthenticated` */
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

  /** A token for one session. @param expiresInMs from now */
  mint(
    by: Grant,
    { sessionId, scope, expiresInMs }: { sessionId: string; scope: MintedScope; expiresInMs: number },
  ): { token: string; expiresAt: number } {
    const claims: Claims = { sessionId, scope, expiresAt: this.now() + expiresInMs, by: by.name };
    return { token: mintedMark + this.seal.close('minted', claims), expiresAt: claims.expiresAt };
  }

  /** What the cookie of a browser holds that came with a token. @throws HearthError `unauthenticated` */
  signIn(token: string): { cookie: string; caller: Caller; maxAgeMs: number } {
    const caller = this.bearer(token);
    const now = this.now();
    const expiresAt = Math.min(caller.expiresAt ?? Number.POSITIVE_INFINITY, now + signInMs);
    const named = this.known.find(token)?.id ?? this.seal.open('minted', token.slice(mintedMark.length));
    const cookie = this.seal.close('sign-in', { token: named, expiresAt });
    return { cookie, caller: { ...caller, expiresAt }, maxAgeMs: expiresAt - now };
  }

  /** Whom a cookie stands for; undefined: nobody (any more). */
  cookie(cookie: string): Caller | undefined {
    const signIn = signInSchema.safeParse(this.seal.open('sign-in', cookie));
    if (!signIn.success || signIn.data.expiresAt <= this.now()) return undefined;
    const { token, expiresAt } = signIn.data;
    if (typeof token !== 'string') return { grant: grantOf(token), expiresAt };
    const known = this.known.byId(token);
    return known && { grant: known.grant, expiresAt };
  }

  /** What a browser with this cookie has to send along with its writes: a page of another site cannot know it. */
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
