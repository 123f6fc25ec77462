import { readlink, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Profile } from '@hearth/shared';
import { type Claim, type Logger, type SessionLifecycle, sessionFolder } from '@hearth/shared/internal';
import type { Round } from '../rounds.js';

export interface WorkspacesDeps {
  /** The folder with the scratch workspaces. */
  root: string;
  lifecycle: SessionLifecycle;
  log: Logger;
}

/**
 * The folders sessions' agents work in. As a round it removes the folders of sessions that were closed, on any worker. Owns how far
 * the notes of closed sessions were read.
 */
export class Workspaces implements Round {
  readonly name = 'workspaces';
  readonly everyMs = 500;
  private readUpTo = '0-0';

  constructor(private readonly deps: WorkspacesDeps) {}

  /** A session's workspace: one folder for each incarnation of it, or the profile's own that all sessions share. */
  of(profile: Profile, sessionId: string, incarnation: string): string {
    return profile.workspace === 'scratch' ? this.scratch(sessionId, incarnation) : profile.workspace;
  }

  /** Removes a session's files here, because it is over for good. Workers that have others of them read a note. */
  async discard(sessionId: string, { incarnation, isSingleTurn }: Claim): Promise<void> {
    if (isSingleTurn) await this.deps.lifecycle.noteClosed(sessionId, incarnation);
    await this.remove(sessionId, incarnation);
  }

  async run(): Promise<void> {
    for (const { note, sessionId, incarnation } of await this.deps.lifecycle.closedSince(this.readUpTo)) {
      await this.remove(sessionId, incarnation).catch((error: unknown) =>
        this.deps.log.warn({ event: 'workspace.remove_failed', err: error, sessionId }, 'could not remove a workspace'),
      );
      this.readUpTo = note;
    }
  }

  private scratch(sessionId: string, incarnation: string): string {
    return join(this.deps.root, sessionFolder(sessionId), incarnation);
  }

  /** Removes the scratch workspace of one incarnation, and the folder of its session when that is empty now. */
  private async remove(sessionId: string, incarnation: string): Promise<void> {
    const { root } = this.deps;
    const workspace = this.scratch(sessionId, incarnation);
    // The name can be a link to the folder its agent was started in.
    const linked = await readlink(workspace).catch(() => undefined);
    if (linked?.startsWith(join(root, '/'))) await rm(linked, { recursive: true, force: true });
    await rm(workspace, { recursive: true, force: true });
    // Only empty folders go, because another incarnation may have a folder beside it. Long ids are folders in folders.
    const segments = sessionFolder(sessionId).split('/');
    for (let length = segments.length; length > 0; length -= 1) {
      const isEmpty = await rmdir(join(root, ...segments.slice(0, length))).then(
        () => true,
        () => false,
      );
      if (!isEmpty) return;
    }
  }
}
