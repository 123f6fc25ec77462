import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HearthError } from './errors/hearth-error.js';

/** More than a nearly full disk has left for one file, bytes. */
const probe = Buffer.alloc(64 * 1024);

/** Creates a folder and checks that it can be written. @throws HearthError `home_unusable` | `disk_full` */
export async function prepareFolder(folder: string): Promise<void> {
  const fault = await mkdir(folder, { recursive: true }).then(
    () => folderFault(folder),
    (error: unknown) => folderError(folder, error),
  );
  if (fault !== undefined) throw fault;
}

/** Writes a file into an existing folder and removes it. Returns the error `home_unusable` or `disk_full` when that fails. */
export async function folderFault(folder: string): Promise<HearthError | undefined> {
  const file = join(folder, '.probe');
  try {
    await writeFile(file, probe);
    await rm(file);
    return undefined;
  } catch (error) {
    return folderError(folder, error);
  }
}

/** The typed error of a failed file operation in a folder that Hearth writes. */
export function folderError(folder: string, error: unknown): HearthError {
  const { code, path = folder, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new HearthError('disk_full', `The disk of ${folder} is full (${code}).`, {
        field: 'HEARTH_HOME',
        expected: 'a folder on a disk with room for files',
        wayOut: 'Make room on the disk, or set HEARTH_HOME to a folder on another one.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return homeUnusable(`${path} cannot be written by this user (${code}).`, error);
    case 'ENOTDIR':
    case 'EEXIST':
      return homeUnusable(`${path} is a file, or inside of one, and not a folder (${code}).`, error);
    default:
      return homeUnusable(`${path} cannot be used: ${message}`, error);
  }
}

const fileCalls = new Set(['mkdir', 'open', 'write', 'close', 'symlink', 'link', 'rename', 'unlink', 'rmdir']);

/** Whether an error comes from a file operation, and not from the start of a process. */
export const isFileError = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && fileCalls.has(String(error.syscall));

export const homeUnusable = (message: string, cause?: unknown): HearthError =>
  new HearthError('home_unusable', message, {
    field: 'HEARTH_HOME',
    expected: 'a folder that this user can write',
    wayOut: 'Set HEARTH_HOME to such a folder.',
    cause,
  });
