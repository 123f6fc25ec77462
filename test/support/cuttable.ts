import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A way to a server that can be cut, and frozen. */
export interface Way {
  url: string;
  /** Every connection over it ends at once, new ones are let through. Tells how many there were. */
  cut(): number;
  /** It carries nothing any more, and tells nobody: connections stand, and can be made; or only those that stand are frozen (`standing`). */
  freeze(which?: 'all' | 'standing'): void;
}

export async function cuttable(url: string): Promise<Way> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    if (!isFrozen) near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    }
  });
  const cut = (): number => {
    const connections = sockets.size / 2;
    for (const socket of sockets) socket.destroy();
    return connections;
  };
  const freeze: Way['freeze'] = (which = 'all') => {
    isFrozen = which === 'all';
    for (const socket of sockets) socket.unpipe().pause();
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
  return { url: way.href.replace(/\/$/, ''), cut, freeze };
}
