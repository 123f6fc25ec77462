import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server that only reports a given version and configuration of Redis; returns its URL. */
export async function toldRedis({ version, policy }: { version: string; policy: string }): Promise<string> {
  const info = `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n`;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      // RESP: HELLO is unknown; INFO has its answer; every other command succeeds.
      for (const command of data.toString().match(/HELLO|hello|INFO|info|CLIENT|client/g) ?? []) {
        if (/hello/i.test(command)) socket.write("-ERR unknown command 'HELLO'\r\n");
        else socket.write(/info/i.test(command) ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
