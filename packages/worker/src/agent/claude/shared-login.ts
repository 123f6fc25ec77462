import { type FSWatcher, watch } from 'node:fs';
import { lstat, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@hearth/shared/internal';

const fileName = '.credentials.json';

/**
 * A login that several agents share. An agent's config dir links to it. The CLI refreshes a login by renaming a new file over its own, which
 * replaces the link. The worker carries the new login back at once, because the old one may not be valid any more. Owns the link and its watch.
 */
export class SharedLogin {
  private readonly own: string;
  private readonly shared: string;
  private watcher: FSWatcher | undefined;
  private carrying = Promise.resolve();

  /** @param loginFrom the config dir that has the login */
  constructor(
    private readonly agentId: string,
    private readonly configDir: string,
    loginFrom: string,
    private readonly log: Logger,
  ) {
    this.own = join(configDir, fileName);
    this.shared = join(loginFrom, fileName);
  }

  async start(): Promise<void> {
    await symlink(this.shared, this.own);
    this.watcher = watch(this.configDir, { persistent: false }, (_, name) => {
      if (name === fileName) void this.carryBack();
    });
    this.watcher.on('error', (error) => this.failed(error));
  }

  /** Carries back what the agent wrote last. Never rejects. */
  async stop(): Promise<void> {
    this.watcher?.close();
    await this.carryBack();
  }

  private carryBack(): Promise<void> {
    this.carrying = this.carrying.then(() => this.carry()).catch((error: unknown) => this.failed(error));
    return this.carrying;
  }

  private async carry(): Promise<void> {
    const written = await this.ownInode();
    if (written === undefined) return;
    const next = `${this.shared}.${this.agentId}`;
    await writeFile(next, await readFile(this.own), { mode: 0o600 });
    await rename(next, this.shared);
    this.log.info({ event: 'login.carried_back', agentId: this.agentId }, 'an agent refreshed the shared login');
    // A file that the agent has written meanwhile is carried back next.
    if ((await this.ownInode()) !== written) return this.carry();
    const link = `${this.own}.link`;
    await symlink(this.shared, link);
    await rename(link, this.own);
  }

  /** Undefined: it is the link, or is gone with the agent's home. */
  private async ownInode(): Promise<number | undefined> {
    const found = await lstat(this.own).catch(() => undefined);
    return found === undefined || found.isSymbolicLink() ? undefined : found.ino;
  }

  private failed(error: unknown): void {
    const fields = { event: 'login.carry_back_failed', err: error, agentId: this.agentId };
    this.log.error(
      fields,
      'a login that an agent refreshed did not reach the shared one; log in again if agents are refused',
    );
  }
}
