import { type AddressInfo, connect, createServer } from 'node:net';

export interface Answer {
  /** Whether PING was answered with PONG. A server that loads its data answers, but is not ready. */
  isReady: boolean;
  pid: number;
}

/** How long a server that accepts a connection may be silent, ms. */
const silenceMs = 1_000;

/** Asks which server listens on a loopback port. It speaks Redis' protocol by hand, so that this package needs no client. */
export function askServer(port: number): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let said = '';
    const end = (answer: Answer | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(silenceMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
    socket.on('connect', () => socket.write('PING\r\nINFO server\r\n'));
    socket.on('data', (data) => {
      said += data.toString('latin1');
      const pid = /^process_id:(\d+)\r/m.exec(said)?.[1];
      if (pid !== undefined) end({ isReady: said.startsWith('+PONG'), pid: Number(pid) });
    });
  });
}

/** Finds a port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
