import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy to a server, with faults. */
export interface Way {
  url: string;
  /** The number of open connections. */
  connections(): number;
  /** Cuts every connection and accepts new ones; returns the number of cut ones. */
  cut(): number;
  /** Passes no data any more, and reports no error. `standing`: only for existing connections. */
  freeze(which?: 'all' | 'standing'): void;
  /** Cuts every connection, and refuses new ones. */
  block(): void;
  /** Cuts every connection, and works normally afterwards. */
  restore(): void;
}

export async function cuttable(url: string): Promise<Way> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let state: 'open' | 'frozen' | 'blocked' = 'open';
  const server = createServer((near) => {
    if (state === 'blocked') return void near.destroy();
    const far = connect(Number(port), hostname);
    if (state === 'open') near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    }
  });
  const connections = (): number => sockets.size / 2;
  const cut = (): number => {
    const ended = connections();
    for (const socket of sockets) socket.destroy();
    return ended;
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    cut();
    server.close();
    await once(server, 'close');
  });
  const way = new URL(url);
  way.hostname = '127.0.0.1';
  way.port = String((server.address() as AddressInfo).port);
  return {
    url: way.href.replace(/\/$/, ''),
    connections,
    cut,
    freeze: (which = 'all') => {
      if (which === 'all') state = 'frozen';
      for (const socket of sockets) socket.unpipe().pause();
    },
    block: () => {
      state = 'blocked';
      cut();
    },
    restore: () => {
      state = 'open';
      cut();
    },
  };
}
