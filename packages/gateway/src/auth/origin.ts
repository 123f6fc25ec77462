import { HearthError } from '@hearth/shared';
import type { Request, RequestHandler } from 'express';
import { isLoopback } from '../loopback.js';

export const isWrite = ({ method }: Request): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(method);

/**
 * Refuses a request that a browser sends on behalf of a page of another site. A write without both headers comes from a program, because
 * no browser leaves out both.
 *
 * @param allowed other origins that are allowed
 * @throws HearthError `cross_origin`
 */
export function refuseOtherOrigins(request: Request, allowed: readonly string[] = []): void {
  const origin = request.get('origin');
  if (origin !== undefined) {
    if (allowed.includes(origin) || hostOf(origin) === request.host) return;
    throw crossOrigin('origin', `The request comes from a page of ${JSON.stringify(origin).slice(0, 200)}.`);
  }
  const site = request.get('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  throw crossOrigin('sec-fetch-site', 'The request comes from a page of another site.');
}

/**
 * Answers only under names of this machine. Without tokens every local caller is trusted, so a page must not reach the gateway under its
 * own name (DNS rebinding).
 */
export const onlyThisMachine: RequestHandler = (request, _response, next) => {
  const name = hostnameOf(request);
  if (isLoopback(name) || name.endsWith('.localhost')) return next();
  throw new HearthError('cross_origin', 'Without tokens the gateway answers under names of this machine only.', {
    field: 'host',
    expected: 'localhost, 127.0.0.1 or [::1]',
    wayOut: 'Use such an address, or give the gateway tokens (HEARTH_TOKENS).',
  });
};

/** The Host header itself, because a proxy's forwarded host does not make the caller local. */
function hostnameOf(request: Request): string {
  const url = `http://${request.headers.host ?? ''}`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
}

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);

function crossOrigin(field: string, message: string): HearthError {
  return new HearthError('cross_origin', message, {
    field,
    expected: "a page of the gateway's own, or of a configured origin",
    wayOut: 'Add the origin to HEARTH_CORS_ORIGINS, and send a token from there.',
  });
}
