import { readlink, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, type Profile, type SessionEndings, sessionFolder } from '@hearth/shared';

/** The folder a session's agents work in: one for each incarnation of it, or the profile's own that all share. */
export function workspaceOf(root: string, profile: Profile, sessionId: string, incarnation: string): string {
  return profile.workspace === 'scratch' ? scratchWorkspace(root, sessionId, incarnation) : profile.workspace;
}

const scratchWorkspace = (root: string, sessionId: string, incarnation: string): string =>
  join(root, sessionFolder(sessionId), incarnation);

/** Removes the scratch workspace of one incarnation, and the folder of its session when that is empty now. */
export async function removeWorkspace(root: string, sessionId: string, incarnation: string): Promise<void> {
  const workspace = scratchWorkspace(root, sessionId, incarnation);
  // The name can be a link to the folder its agent was started in.
  const linked = await readlink(workspace).catch(() => undefined);
  if (linked?.startsWith(join(root, '/'))) await rm(linked, { recursive: true, force: true });
  await rm(workspace, { recursive: true, force: true });
  // Only what is empty goes: another incarnation may have a folder beside it. Long ids are folders in folders.
  const segments = sessionFolder(sessionId).split('/');
  for (let length = segments.length; length > 0; length -= 1) {
    const isEmpty = await rmdir(join(root, ...segments.slice(0, length))).then(
      () => true,
      () => false,
    );
    if (!isEmpty) return;
  }
}

/** Removes the folders of sessions that were closed, wherever that was. Owns how far the notes were read. */
export class ClosedWorkspaces {
  private readUpTo = '0-0';

  constructor(private readonly deps: { endings: SessionEndings; root: string; log: Logger }) {}

  async collect(): Promise<void> {
    const { endings, root, log } = this.deps;
    for (const { note, sessionId, incarnation } of await endings.closedSince(this.readUpTo)) {
      await removeWorkspace(root, sessionId, incarnation).catch((error: unknown) =>
        log.warn({ err: error, sessionId }, 'the workspace of a closed session could not be removed'),
      );
      this.readUpTo = note;
    }
  }
}
