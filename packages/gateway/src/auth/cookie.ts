import type { CookieOptions, Request } from 'express';

/** The prefix `__Host-` binds the cookie to this host and to TLS. Without TLS a browser would refuse it. */
const nameFor = (request: Request): string => (request.secure ? '__Host-hearth' : 'hearth');

const attributes = (request: Request): CookieOptions => ({
  httpOnly: true,
  sameSite: 'strict',
  secure: request.secure,
  path: '/',
});

export function setCookie(request: Request, value: string, maxAgeMs: number): void {
  request.res?.cookie(nameFor(request), value, { ...attributes(request), maxAge: maxAgeMs, encode: String });
}

export function clearCookie(request: Request): void {
  request.res?.clearCookie(nameFor(request), attributes(request));
}

/** The value of the gateway's cookie. It contains only base64url and dots, so there is nothing to decode. */
export function cookieOf(request: Request): string | undefined {
  const start = `${nameFor(request)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(start))?.slice(start.length);
}
