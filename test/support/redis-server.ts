import { setTimeout as pause } from 'node:timers/promises';
import { type LocalRedis, startLocalRedis } from '@hearth/local-redis';

/** The Redis of a run: can be killed and come back on its port with what it had written. */
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

  /** Ends it, orderly or not, and has it back after so many ms. What it acknowledged is written, also when it is killed. */
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
