import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What a connection through the proxy suffers. */
type Trouble =
  | { kind: 'none' }
  /** Everything comes so much later. */
  | { kind: 'slow'; ms: number }
  /** Nothing passes in either direction, and nobody is told. */
  | { kind: 'half_open' };

/** A TCP proxy between one client and Redis, that fails on command. */
export class TroubleProxy {
  private readonly pairs = new Set<{ client: Socket; redis: Socket }>();
  private trouble: Trouble = { kind: 'none' };
  private repliesToDrop = 0;
  private publishesToDrop = 0;

  private constructor(
    private readonly server: Server,
    private port: number,
  ) {
    server.on('connection', (client: Socket) => this.join(client));
  }

  static async open(redisUrl: string): Promise<TroubleProxy> {
    const proxy = new TroubleProxy(createServer(), Number(new URL(redisUrl).port));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Who connects from now on reaches another Redis; connections that are there are cut. */
  lead(redisUrl: string): void {
    this.port = Number(new URL(redisUrl).port);
    this.cut();
  }

  /** Ends every connection. */
  cut(): void {
    for (const { client, redis } of this.pairs) {
      client.destroy();
      redis.destroy();
    }
  }

  slow(ms: number): void {
    // What is stuck has lost something: only a cut may follow.
    if (this.trouble.kind === 'half_open') return;
    this.trouble = { kind: 'slow', ms };
  }

  /** Connections stay, and nothing passes; what was sent arrives, unless it is {@link heal}ed with a cut. */
  halfOpen(): void {
    this.trouble = { kind: 'half_open' };
  }

  /** The next so many replies are lost with their connections, after what was asked for has been done. */
  dropReplies(count: number): void {
    this.repliesToDrop = count;
  }

  /** The next so many messages of channels are lost. */
  dropPublishes(count: number): void {
    this.publishesToDrop = count;
  }

  /** What was stuck is lost: its connections are cut. */
  heal(): void {
    const wasStuck = this.trouble.kind === 'half_open';
    this.trouble = { kind: 'none' };
    this.repliesToDrop = 0;
    if (wasStuck) this.cut();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    const redis = connect({ host: '127.0.0.1', port: this.port, noDelay: true });
    client.setNoDelay(true);
    const pair = { client, redis };
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      redis.destroy();
    };
    for (const socket of [client, redis]) {
      socket.on('error', end);
      socket.on('close', end);
    }
    const [toRedis, toClient] = [new InOrder(redis), new InOrder(client)];
    client.on('data', (request) => this.pass(request, toRedis));
    redis.on('data', (reply) => {
      if (this.isDropped(reply)) return;
      if (this.repliesToDrop > 0 && !isUnloaded(reply)) {
        this.repliesToDrop -= 1;
        return end();
      }
      this.pass(reply, toClient);
    });
  }

  private pass(data: Buffer, to: InOrder): void {
    if (this.trouble.kind !== 'half_open') to.write(data, this.trouble.kind === 'slow' ? this.trouble.ms : 0);
  }

  private isDropped(reply: Buffer): boolean {
    if (this.publishesToDrop === 0 || !isOneMessage(reply)) return false;
    this.publishesToDrop -= 1;
    return true;
  }
}

/** One direction of a connection: what is late holds up what comes after it. */
class InOrder {
  private readonly waiting: { data: Buffer; at: number }[] = [];

  constructor(private readonly socket: Socket) {}

  write(data: Buffer, delayMs: number): void {
    if (delayMs === 0 && this.waiting.length === 0) return void this.socket.write(data);
    this.waiting.push({ data, at: performance.now() + delayMs });
    // One timer for all: of several, the later may fire first.
    if (this.waiting.length === 1) this.wait();
  }

  private wait(): void {
    const first = this.waiting[0];
    if (first === undefined) return;
    setTimeout(
      () => {
        this.waiting.shift();
        if (!this.socket.destroyed) this.socket.write(first.data);
        this.wait();
      },
      Math.max(0, first.at - performance.now()),
    );
  }
}

/** A piece that is one whole published message and nothing else: dropping a part would tear the protocol. */
function isOneMessage(reply: Buffer): boolean {
  const text = reply.toString('latin1');
  const head = /^\*3\r\n\$7\r\nmessage\r\n\$(\d+)\r\n/.exec(text);
  if (head === null) return false;
  const rest = head[0].length + Number(head[1]) + 2;
  const body = /^\$(\d+)\r\n/.exec(text.slice(rest, rest + 20));
  return body !== null && text.length === rest + body[0].length + Number(body[1]) + 2;
}

/** A script that is not loaded has done nothing: losing that reply would test nothing. */
const isUnloaded = (reply: Buffer): boolean => reply.toString('latin1', 0, 9).startsWith('-NOSCRIPT');
