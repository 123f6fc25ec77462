import { once, setMaxListeners } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProducer } from '@hearth/producer';
import { HearthError } from '@hearth/shared';
import { createLogger, type Logger } from '@hearth/shared/internal';
import { createApp } from './app.js';
import { Credentials } from './auth/credentials.js';
import { Seal } from './auth/seal.js';
import { signingSecret } from './auth/secret.js';
import { KnownTokens } from './auth/tokens.js';
import { BoardQueues } from './board/board-queues.js';
import { Connections } from './http/connections.js';
import { type GatewayOptions, type ResolvedGatewayOptions, resolveGatewayOptions } from './options.js';
import type { Services } from './routes/route.js';

export interface Gateway {
  /** Listens, and resolves with the address. @throws HearthError `invalid_options` when it cannot */
  start(): Promise<{ url: string }>;
  /** Takes nothing new, ends streams so that their readers come back to another gateway, and finishes the rest. Stopping twice is the same stop. */
  stop(): Promise<void>;
}

/** Creates an HTTP gateway. It listens also without Redis, and then reports that. @throws HearthError `invalid_options` */
export function createGateway(options: GatewayOptions = {}, logger?: Logger): Gateway {
  const resolved = resolveGatewayOptions(options);
  const log = logger ?? createLogger('hearth-gateway', resolved.logLevel);
  const stopping = new AbortController();
  // Each open request adds one listener.
  setMaxListeners(0, stopping.signal);
  const services = servicesOf(resolved, stopping.signal, log);
  const server = createServer(createApp(services));
  const connections = new Connections(server);
  let stopped: Promise<void> | undefined;
  return {
    start: () => listen(server, resolved),
    stop: () => {
      stopping.abort();
      stopped ??= connections.close(resolved.drainDeadlineMs).then(() => release(services));
      return stopped;
    },
  };
}

function servicesOf(options: ResolvedGatewayOptions, stopping: AbortSignal, log: Logger): Services {
  const { redisUrl, keyPrefix, queuePrefix, backlogLimit, tokens } = options;
  const { secret, isShared } = signingSecret(options);
  if (tokens !== undefined && !isShared) {
    log.warn(
      { event: 'gateway.secret_not_shared' },
      'sign-ins and minted tokens work on this gateway only, until it stops; set HEARTH_TOKEN_SECRET',
    );
  }
  const producer = createProducer({ redisUrl, keyPrefix, queuePrefix, ...(backlogLimit && { backlogLimit }) });
  return {
    producer,
    boardQueues: new BoardQueues({ redisUrl, queuePrefix, workers: () => producer.workers() }),
    credentials: new Credentials(new KnownTokens(tokens ?? []), new Seal(secret)),
    authentication: tokens !== undefined,
    options,
    stopping,
    log,
  };
}

async function release({ producer, boardQueues }: Services): Promise<void> {
  await boardQueues.close();
  await producer.close();
}

async function listen(server: Server, { host, port }: ResolvedGatewayOptions): Promise<{ url: string }> {
  const failed = once(server, 'error').then(([error]) => error as NodeJS.ErrnoException);
  const listening = new Promise<undefined>((resolve) => server.listen(port, host, () => resolve(undefined)));
  const error = await Promise.race([failed, listening]);
  if (error !== undefined) {
    throw new HearthError('invalid_options', `The gateway cannot listen on ${host}:${port} (${error.code}).`, {
      field: error.code === 'EADDRINUSE' || error.code === 'EACCES' ? 'port' : 'host',
      expected: 'an address of this machine and a free port',
      wayOut: 'Choose another one, or port 0 for any.',
      cause: error,
    });
  }
  const { address, family, port: actual } = server.address() as AddressInfo;
  return { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}` };
}
