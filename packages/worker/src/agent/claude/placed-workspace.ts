import { mkdir, readdir, rename, rmdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where spares of a CLI that cannot be parked are started: a folder each, which becomes the workspace of the session that takes it. */
export const placedWorkspace = (workspaces: string, agentId: string): string => join(workspaces, '+placed', agentId);

/** Makes a session's workspace the folder its agent was started in: what lay there moves, and the name becomes a link. */
export async function adoptWorkspace(workspace: string, placed: string): Promise<void> {
  await mkdir(workspace, { recursive: true });
  for (const entry of await readdir(workspace)) await rename(join(workspace, entry), join(placed, entry));
  await rmdir(workspace);
  await mkdir(dirname(workspace), { recursive: true });
  await symlink(placed, workspace);
}
