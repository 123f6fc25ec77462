import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HearthError } from '@hearth/shared';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readTokens } from '../src/auth/tokens.js';
import { type GatewayOptions, resolveGatewayOptions } from '../src/options.js';

const tokens = [{ token: 'a-token-that-is-long-enough', scope: 'read' as const }];

function fieldAtFault(options: GatewayOptions): string | undefined {
  try {
    resolveGatewayOptions(options);
    return undefined;
  } catch (error) {
    return error instanceof HearthError && error.code === 'invalid_options' ? error.field : String(error);
  }
}

function fileOf(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'tokens.json');
  writeFileSync(file, content);
  return file;
}

describe('the address', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('%s is loopback, and needs no tokens', (host) =>
    expect(fieldAtFault({ host })).toBeUndefined(),
  );
  it.each(['0.0.0.0', '::', '10.0.0.1', 'hearth.example', '127.0.0.1.example', 'localhost.example'])(
    '%s takes tokens',
    (host) => {
      expect(fieldAtFault({ host })).toBe('host');
      expect(fieldAtFault({ host, tokens })).toBeUndefined();
    },
  );
});

it('names the wrong option', () => {
  expect(fieldAtFault({ port: Number.NaN })).toBe('port');
  expect(fieldAtFault({ corsOrigins: ['https://app.example/'] })).toBe('corsOrigins.0');
  expect(fieldAtFault({ corsOrigins: ['*'] })).toBe('corsOrigins.0');
  expect(fieldAtFault({ tokens: [] })).toBe('tokens');
  expect(fieldAtFault({ tokens: [{ token: 'short', scope: 'read' }] })).toBe('tokens.0.token');
  expect(fieldAtFault({ tokenSecret: 'short' })).toBe('tokenSecret');
});

it('reads the environment where no option is given; an empty variable counts as unset', () => {
  vi.stubEnv('HEARTH_TOKENS', fileOf(JSON.stringify(tokens)));
  vi.stubEnv('HEARTH_GATEWAY_HOST', '0.0.0.0');
  vi.stubEnv('HEARTH_GATEWAY_PORT', '4711');
  vi.stubEnv('HEARTH_CORS_ORIGINS', 'https://a.example, https://b.example:8443');
  vi.stubEnv('HEARTH_TRUST_PROXY', '1');
  vi.stubEnv('HEARTH_TOKEN_SECRET', '');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(resolveGatewayOptions({ port: 0 })).toMatchObject({
    host: '0.0.0.0',
    port: 0,
    tokens,
    corsOrigins: ['https://a.example', 'https://b.example:8443'],
    trustProxy: 1,
  });
  expect(resolveGatewayOptions({})).toMatchObject({ port: 4711 });
  vi.stubEnv('HEARTH_TRUST_PROXY', 'loopback, 10.0.0.0/8');
  expect(resolveGatewayOptions({}).trustProxy).toEqual(['loopback', '10.0.0.0/8']);
});

it('never repeats the content of a token file that it cannot parse', () => {
  const file = fileOf('[{"token": "very-secret-token-of-tests", ]');
  let message = '';
  try {
    readTokens(file);
  } catch (error) {
    message = JSON.stringify(error) + String((error as Error).stack);
  }
  expect(message).toContain('tokens.json');
  expect(message).not.toContain('very-secret');
});
