import { randomBytes } from 'node:crypto';
import { HearthError } from '@hearth/shared';
import { expect, it } from 'vitest';
import { Credentials } from '../../src/auth/credentials.js';
import { Seal } from '../../src/auth/seal.js';
import { signingSecret } from '../../src/auth/secret.js';
import { digest, KnownTokens } from '../../src/auth/tokens.js';

const admin = { token: 'an-admin-token-of-tests', scope: 'admin', name: 'ops' } as const;
const reader = { sha256: digest('a-reader-whose-hash-is-known').toString('hex'), scope: 'read', prefix: 'a/' } as const;
const hourMs = 3_600_000;

class Clock {
  now = 1_000_000;
  readonly seal = new Seal(signingSecret({ tokens: [admin, reader], tokenSecret: undefined }).secret);
  readonly credentials = new Credentials(new KnownTokens([admin, reader]), this.seal, () => this.now);
}

const codeOf = (ask: () => unknown): string => {
  try {
    ask();
    return 'nothing was thrown';
  } catch (error) {
    return error instanceof HearthError ? error.code : String(error);
  }
};

it('a configured token gives its grant, as the token itself or as its digest', () => {
  const { credentials } = new Clock();
  expect(credentials.bearer(admin.token)).toEqual({ grant: { name: 'ops', scope: 'admin' } });
  const grant = { name: 'read-2', scope: 'read', prefix: 'a/' };
  expect(credentials.bearer('a-reader-whose-hash-is-known')).toEqual({ grant });
  for (const token of ['', 'an-admin-token-of-test', reader.sha256, 'hearth_', 'hearth_a.b', 'hearth_a.b.c'])
    expect(codeOf(() => credentials.bearer(token))).toBe('unauthenticated');
});

it('a minted token expires, and with it the sign-in of a browser', () => {
  const clock = new Clock();
  const { credentials } = clock;
  const by = credentials.bearer(admin.token).grant;
  const { token, expiresAt } = credentials.mint(by, { sessionId: 's', scope: 'prompt', expiresInMs: hourMs });
  expect(expiresAt).toBe(clock.now + hourMs);
  const grant = { name: 'minted-by-ops', scope: 'prompt', sessionId: 's' };
  expect(credentials.bearer(token)).toEqual({ grant, expiresAt });
  const { cookie, maxAgeMs } = credentials.signIn(token);
  expect(maxAgeMs).toBe(hourMs);
  expect(credentials.cookie(cookie)).toEqual({ grant, expiresAt });
  clock.now += hourMs;
  expect(codeOf(() => credentials.bearer(token))).toBe('unauthenticated');
  expect(codeOf(() => credentials.signIn(token))).toBe('unauthenticated');
  expect(credentials.cookie(cookie)).toBeUndefined();
});

it('a sign-in lasts twelve hours, and ends when its token is removed from the configuration', () => {
  const clock = new Clock();
  const { cookie } = clock.credentials.signIn(admin.token);
  expect(clock.credentials.cookie(cookie)?.grant).toEqual({ name: 'ops', scope: 'admin' });
  const secret = new Seal(signingSecret({ tokens: [admin], tokenSecret: undefined }).secret);
  expect(new Credentials(new KnownTokens([reader]), secret, () => clock.now).cookie(cookie)).toBeUndefined();
  clock.now += 12 * hourMs;
  expect(clock.credentials.cookie(cookie)).toBeUndefined();
});

it('a value sealed for one purpose is invalid for another', () => {
  const { credentials } = new Clock();
  const by = credentials.bearer(admin.token).grant;
  const { token } = credentials.mint(by, { sessionId: 's', scope: 'read', expiresInMs: hourMs });
  const { cookie } = credentials.signIn(admin.token);
  expect(credentials.cookie(token.slice('hearth_'.length))).toBeUndefined();
  expect(codeOf(() => credentials.bearer(`hearth_${cookie}`))).toBe('unauthenticated');
  expect(credentials.isCsrfToken(cookie, credentials.csrfToken(cookie))).toBe(true);
  expect(credentials.isCsrfToken(cookie, cookie.split('.')[1] ?? '')).toBe(false);
  expect(credentials.isCsrfToken(`${cookie}x`, credentials.csrfToken(cookie))).toBe(false);
});

it('a signed token with a scope that cannot be minted is invalid', () => {
  const { credentials, seal, now } = new Clock();
  const claims = { sessionId: 's', scope: 'admin', expiresAt: now + hourMs, by: 'ops' };
  expect(codeOf(() => credentials.bearer(`hearth_${seal.close('minted', claims)}`))).toBe('unauthenticated');
  const cookie = seal.close('sign-in', { token: claims, expiresAt: now + hourMs });
  expect(credentials.cookie(cookie)).toBeUndefined();
});

it('the owner of a confined admin token cannot derive the secret from it', () => {
  const confined = { ...admin, token: 'a-confined-admin-token-of-tests', prefix: 'team-a/' };
  const madeOf = (...tokens: { token: string; scope: 'admin' }[]) => signingSecret({ tokens, tokenSecret: undefined });
  expect(madeOf(confined).isShared).toBe(false);
  expect(madeOf(confined).secret).not.toEqual(madeOf(confined).secret);
  expect(madeOf(admin, confined)).toEqual(madeOf(admin));
});

it('gateways with the same admin tokens, or the same secret, sign alike; digests alone give no secret', () => {
  const other = { ...admin, token: 'another-admin-token-of-tests' };
  const own = randomBytes(32).toString('hex');
  const secretOf = (...[tokens, tokenSecret]: [object[], string?]): string =>
    signingSecret({ tokens: tokens as (typeof admin)[], tokenSecret }).secret.toString('hex');
  expect(secretOf([admin, other, reader])).toBe(secretOf([other, admin]));
  expect(secretOf([admin])).not.toBe(secretOf([other]));
  expect(secretOf([admin], own)).toBe(secretOf([other], own));
  const known = { ...admin, sha256: digest(admin.token).toString('hex'), token: undefined };
  expect(signingSecret({ tokens: [reader], tokenSecret: undefined }).isShared).toBe(false);
  expect(secretOf([{ sha256: known.sha256, scope: 'admin' }])).not.toBe(
    secretOf([{ sha256: known.sha256, scope: 'admin' }]),
  );
});
