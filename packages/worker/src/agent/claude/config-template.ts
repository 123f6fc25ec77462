import { cp } from 'node:fs/promises';
import { basename } from 'node:path';
import { HearthError } from '@hearth/shared';

/** A login is shared by a link, because the CLI renews it. Transcripts are those of other conversations. */
const leftOut = new Set(['.credentials.json', 'projects']);

/** Copies a profile's config template into an agent's config dir. @throws HearthError `agent_start_failed` */
export async function copyTemplate(template: string, configDir: string): Promise<void> {
  try {
    await cp(template, configDir, {
      recursive: true,
      filter: (path) => path === template || !leftOut.has(basename(path)),
    });
  } catch (cause) {
    throw new HearthError('agent_start_failed', `The config template ${template} cannot be copied.`, {
      field: 'configTemplate',
      expected: 'a folder that the worker can read',
      wayOut: 'Correct configTemplate in the profile, or leave it out.',
      cause,
    });
  }
}
