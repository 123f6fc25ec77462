import { readlink, rm, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** A link in an agent's home to a folder elsewhere that is removed with it. The process that removes the link owns the folder. */
const belongings = (home: string): string => join(home, 'belongs-to-it');

/** Has a folder removed together with an agent's home. */
export const tieToHome = (home: string, folder: string): Promise<void> => symlink(folder, belongings(home));

/** Gives the folder to the caller. @throws Error when it was removed with its agent */
export const untieFromHome = (home: string): Promise<void> => unlink(belongings(home));

/** Removes the home of an agent whose process is gone, and the folder tied to it. */
export async function removeHome(home: string): Promise<void> {
  const folder = await readlink(belongings(home)).catch(() => undefined);
  const isOurs = await untieFromHome(home).then(
    () => true,
    () => false,
  );
  if (folder !== undefined && isOurs) await rm(folder, { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
}
