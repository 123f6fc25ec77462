import { randomBytes } from 'node:crypto';
import { createGateway, type GatewayOptions } from '@hearth/gateway';
import { createLogger } from '@hearth/shared/internal';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Cluster } from './cluster.js';

export interface TestGateway {
  url: string;
  /** Every line of its log, as text. */
  log: readonly string[];
  stop(): Promise<void>;
}

/** Starts a gateway of the cluster in this process; it stops when the test ends. */
export async function startGateway(cluster: Cluster, options: GatewayOptions = {}): Promise<TestGateway> {
  const gateway = createTestGateway(cluster, options);
  onTestFinished(() => gateway.stop());
  return gateway.start();
}

/** Starts one gateway of a shared cluster for all tests of a file. */
export function shareGateway(shared: () => { cluster: Cluster }, options: GatewayOptions = {}): () => TestGateway {
  let gateway: ReturnType<typeof createTestGateway> | undefined;
  let started: TestGateway | undefined;
  beforeAll(async () => {
    gateway = createTestGateway(shared().cluster, options);
    started = await gateway.start();
  });
  afterAll(() => gateway?.stop());
  return () => {
    if (started === undefined) throw new Error('the shared gateway starts before the first test');
    return started;
  };
}

function createTestGateway(cluster: Cluster, options: GatewayOptions) {
  const log: string[] = [];
  const { keyPrefix, queuePrefix } = cluster.keys.options;
  const gateway = createGateway(
    { port: 0, redisUrl: cluster.redisUrl, keyPrefix, queuePrefix, drainDeadlineMs: 2_000, ...options },
    createLogger('gateway', 'trace', { write: (line) => void log.push(line) }),
  );
  const stop = (): Promise<void> => gateway.stop();
  return { stop, start: async (): Promise<TestGateway> => ({ url: (await gateway.start()).url, log, stop }) };
}

const token = (scope: 'read' | 'prompt' | 'admin', prefix?: string) => ({
  token: `${scope}-${randomBytes(12).toString('hex')}`,
  scope,
  ...(prefix === undefined ? {} : { prefix }),
});

/** A token of each scope, and an admin token that is confined to `team-a/`. */
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
