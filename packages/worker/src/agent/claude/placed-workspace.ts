import { mkdir, readdir, readlink, rename, rmdir, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The folder of a spare of a CLI that cannot be parked. It becomes the workspace of the session that takes the spare. */
export const placedWorkspace = (workspaces: string, agentId: string): string => join(workspaces, '+placed', agentId);

/** Makes the folder an agent was started in the session's workspace. Existing files move there, and the workspace becomes a link. */
export async function adoptWorkspace(workspace: string, placed: string): Promise<void> {
  await mkdir(workspace, { recursive: true });
  for (const entry of await readdir(workspace)) await rename(join(workspace, entry), join(placed, entry));
  // It is a link already when an earlier agent died before anything was said.
  const before = await readlink(workspace).catch(() => undefined);
  await (before === undefined ? rmdir(workspace) : unlink(workspace));
  await mkdir(dirname(workspace), { recursive: true });
  await symlink(placed, workspace);
  if (before !== undefined) await rmdir(before);
}
