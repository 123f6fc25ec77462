import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy in front of Redis that loses replies on command: the request reaches Redis and takes effect there, and
 * the client's connection is cut instead of the reply being delivered. The client can but reconnect and resend.
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
  /** Replies lost so far. */
  get dropped(): number {
    return this.cuts;
  }

  /** From now on, the next thing Redis says to anybody is lost, and so is the connection it was meant for. */
  dropNextReply(): void {
    this.armed = true;
  }

  /** Takes the order back when nothing was said since. */
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
      // A script that is not loaded has done nothing: losing that reply would test nothing.
      if (this.armed && !reply.toString('latin1', 0, 9).startsWith('-NOSCRIPT')) {
        this.armed = false;
        this.cuts += 1;
        cut();
      } else client.write(reply);
    });
  }
}
