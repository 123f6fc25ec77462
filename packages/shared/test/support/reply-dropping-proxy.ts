import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy in front of Redis that drops replies on command. The request takes effect in Redis, and the proxy cuts the client's
 * connection instead of delivering the reply. The client then reconnects and resends.
 */
export class ReplyDroppingProxy {
  private readonly sockets = new Set<Socket>();
  private armed = false;
  private cuts = 0;

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {
    server.on('connection', (client: Socket) => this.join(client));
  }

  static async open(redisUrl: string): Promise<ReplyDroppingProxy> {
    const { hostname, port } = new URL(redisUrl);
    const proxy = new ReplyDroppingProxy(createServer(), { host: hostname, port: Number(port === '' ? 6379 : port) });
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  /** Number of dropped replies. */
  get dropped(): number {
    return this.cuts;
  }

  /** Drops the next reply of Redis, and cuts the connection to which it belongs. */
  dropNextReply(): void {
    this.armed = true;
  }

  /** Cancels {@link dropNextReply} when Redis sent no reply since. */
  disarm(): void {
    this.armed = false;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    const redis = connect({ ...this.target, noDelay: true });
    client.setNoDelay(true);
    const cut = (): void => {
      client.destroy();
      redis.destroy();
    };
    for (const socket of [client, redis]) {
      this.sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        this.sockets.delete(socket);
        cut();
      });
    }
    client.on('data', (request) => redis.write(request));
    redis.on('data', (reply) => {
      // A script that is not loaded did nothing, so dropping that reply would test nothing.
      if (this.armed && !reply.toString('latin1', 0, 9).startsWith('-NOSCRIPT')) {
        this.armed = false;
        this.cuts += 1;
        cut();
      } else client.write(reply);
    });
  }
}
