import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Frames, publishedIn } from './frames.js';

/** The current fault of the connections through a proxy. */
type Trouble =
  | { kind: 'none' }
  /** All data is delayed by this much. */
  | { kind: 'slow'; ms: number }
  /** No data passes in either direction, and no error is reported. */
  | { kind: 'half_open' };

/** A TCP proxy between one client and Redis, with faults on command. */
export class TroubleProxy {
  private readonly pairs = new Set<{ client: Socket; redis: Socket }>();
  private trouble: Trouble = { kind: 'none' };
  private isShut = false;
  private repliesToDrop = 0;
  private readonly toDrop = { any: 0, endings: 0 };
  /** The number of lost pub/sub messages. */
  droppedPublishes = 0;
  /** The number of replies lost with their connections. */
  droppedReplies = 0;
  /** The number of pieces that were delayed or held. */
  troubled = 0;

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

  /** New connections reach another Redis; existing ones are cut. */
  lead(redisUrl: string): void {
    this.port = Number(new URL(redisUrl).port);
    this.isShut = false;
    this.cut();
  }

  /** Refuses connections until the next call of {@link lead}. */
  shut(): void {
    this.isShut = true;
    this.cut();
  }

  /** Ends every connection; returns their number. */
  cut(): number {
    const connections = this.pairs.size;
    for (const { client, redis } of this.pairs) {
      client.destroy();
      redis.destroy();
    }
    return connections;
  }

  slow(ms: number): void {
    // Held data is lost: only a cut may follow.
    if (this.trouble.kind === 'half_open') return;
    this.trouble = { kind: 'slow', ms };
  }

  /** Keeps the connections open, and passes no data. Sent data arrives after {@link heal}, unless that cuts the connection. */
  halfOpen(): void {
    this.trouble = { kind: 'half_open' };
  }

  /** The next replies, this many, are lost with their connections, after their commands are executed. */
  dropReplies(count: number): void {
    this.repliesToDrop = count;
  }

  /** The next pub/sub messages, this many, are lost, and in addition this many that end a turn. */
  dropPublishes({ any = 0, endings = 0 }: { any?: number; endings?: number }): void {
    Object.assign(this.toDrop, { any, endings });
  }

  /** The number of messages still to be lost. */
  get publishesToDrop(): number {
    return this.toDrop.any + this.toDrop.endings;
  }

  /** Ends the fault. Held data is lost: its connections are cut. */
  heal(): void {
    const wasStuck = this.trouble.kind === 'half_open';
    this.trouble = { kind: 'none' };
    this.repliesToDrop = 0;
    this.dropPublishes({});
    if (wasStuck) this.cut();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    if (this.isShut) return void client.destroy();
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
    const frames = new Frames();
    redis.on('data', (chunk: Buffer) => {
      const replies = frames.push(chunk).filter((frame) => !this.isDropped(frame));
      if (replies.length === 0) return;
      if (this.repliesToDrop > 0 && !replies.every(isUnloaded)) {
        this.repliesToDrop -= 1;
        this.droppedReplies += 1;
        return end();
      }
      this.pass(replies.length === 1 ? (replies[0] ?? chunk) : Buffer.concat(replies), toClient);
    });
  }

  private pass(data: Buffer, to: InOrder): void {
    if (this.trouble.kind !== 'none') this.troubled += 1;
    if (this.trouble.kind !== 'half_open') to.write(data, this.trouble.kind === 'slow' ? this.trouble.ms : 0);
  }

  private isDropped(frame: Buffer): boolean {
    if (this.publishesToDrop === 0) return false;
    const text = publishedIn(frame);
    if (text === undefined) return false;
    const which = this.toDrop.endings > 0 && tellsAnEnd(text) ? 'endings' : 'any';
    if (this.toDrop[which] === 0) return false;
    this.toDrop[which] -= 1;
    this.droppedPublishes += 1;
    return true;
  }
}

/** One direction of a connection: delayed data delays all later data. */
class InOrder {
  private readonly waiting: { data: Buffer; at: number }[] = [];

  constructor(private readonly socket: Socket) {}

  write(data: Buffer, delayMs: number): void {
    if (delayMs === 0 && this.waiting.length === 0) return void this.socket.write(data);
    this.waiting.push({ data, at: performance.now() + delayMs });
    // One timer for all: of several timers the later one may fire first.
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

/** After the last message of a turn no later one would show the gap. */
const tellsAnEnd = (text: string): boolean => /"type":"turn\.(finished|failed)"/.test(text);

/** A script that is not loaded has no effect: the loss of that reply would test nothing. */
const isUnloaded = (reply: Buffer): boolean => reply.toString('latin1', 0, 9).startsWith('-NOSCRIPT');
