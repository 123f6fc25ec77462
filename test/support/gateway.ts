import { randomBytes } from 'node:crypto';
import { createGateway, type GatewayOptions } from '@hearth/gateway';
import { createLogger } from '@hearth/shared/internal';
import { onTestFinished } from 'vitest';
import type { Cluster } from './cluster.js';

export interface TestGateway {
  url: string;
  /** Every line of its log, as text. */
  log: readonly string[];
  stop(): Promise<void>;
}

/** A gateway of the cluster, in this process; stopped when the test ends. */
export async function startGateway(cluster: Cluster, options: GatewayOptions = {}): Promise<TestGateway> {
  const log: string[] = [];
  const { keyPrefix, queuePrefix } = cluster.keys.options;
  const gateway = createGateway(
    { port: 0, redisUrl: cluster.redisUrl, keyPrefix, queuePrefix, drainDeadlineMs: 2_000, ...options },
    createLogger('gateway', 'trace', { write: (line) => void log.push(line) }),
  );
  onTestFinished(() => gateway.stop());
  const { url } = await gateway.start();
  return { url, log, stop: () => gateway.stop() };
}

const token = (scope: 'read' | 'prompt' | 'admin', prefix?: string) => ({
  token: `${scope}-${randomBytes(12).toString('hex')}`,
  scope,
  ...(prefix === undefined ? {} : { prefix }),
});

/** A token of each scope, and an admin's that is confined to `team-a/`. */
export const testTokens = {
  read: token('read'),
  prompt: token('prompt'),
  admin: token('admin'),
  confined: token('admin', 'team-a/'),
};
export const allTokens = Object.values(testTokens);
export const bearer = ({ token }: { token: string }): { authorization: string } => ({
  authorization: `Bearer ${token}`,
});
