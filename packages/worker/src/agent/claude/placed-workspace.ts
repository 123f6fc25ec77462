import { mkdir, readdir, readlink, rename, rmdir, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where spares of a CLI that cannot be parked are started: a folder each, which becomes the workspace of the session that takes it. */
export const placedWorkspace = (workspaces: string, agentId: string): string => join(workspaces, '+placed', agentId);

/** Makes a session's workspace the folder its agent was started in: what lay there moves, and the name becomes a link. */
export async function adoptWorkspace(workspace: string, placed: string): Promise<void> {
  await mkdir(workspace, { recursive: true });
  for (const entry of await readdir(workspace)) await rename(join(workspace, entry), join(placed, entry));
  // A link already when an agent before died without a past to resume from.
  const before = await readlink(workspace).catch(() => undefined);
  await (before === undefined ? rmdir(workspace) : unlink(workspace));
  await mkdir(dirname(workspace), { recursive: true });
  await symlink(placed, workspace);
  if (before !== undefined) await rmdir(before);
}
