import { readlink, rm, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** In an agent's home: a link to a folder elsewhere that goes with it. Whoever removes the link has the folder. */
const belongings = (home: string): string => join(home, 'belongs-to-it');

/** From now on a folder goes with an agent's home. */
export const tieToHome = (home: string, folder: string): Promise<void> => symlink(folder, belongings(home));

/** From now on the folder is the caller's. @throws Error when it went with its agent */
export const untieFromHome = (home: string): Promise<void> => unlink(belongings(home));

/** Removes the home of an agent that is gone, and the folder that belongs to it. */
export async function removeHome(home: string): Promise<void> {
  const folder = await readlink(belongings(home)).catch(() => undefined);
  const isOurs = await untieFromHome(home).then(
    () => true,
    () => false,
  );
  if (folder !== undefined && isOurs) await rm(folder, { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
}
