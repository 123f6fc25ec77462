import { setTimeout as pause } from 'node:timers/promises';
import { type LocalRedis, startLocalRedis } from '@hearth/local-redis';

/** The Redis of a run, which can be killed and restarted on its port with its data. */
export class RedisServer {
  private constructor(
    readonly dataDir: string,
    private server: LocalRedis,
  ) {}

  static async start(dataDir: string): Promise<RedisServer> {
    return new RedisServer(dataDir, await startLocalRedis({ dataDir }));
  }

  get url(): string {
    return this.server.url;
  }

  /** Stops or kills it, and restarts it after this many ms. Acknowledged writes are kept in both cases. */
  async bounce(how: 'stop' | 'kill', downMs: number): Promise<void> {
    const { pid, port } = this.server;
    if (how === 'kill' && pid !== undefined) process.kill(pid, 'SIGKILL');
    await this.server.stop();
    await pause(downMs);
    this.server = await startLocalRedis({ dataDir: this.dataDir, port });
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }
}
