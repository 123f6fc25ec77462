import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import {
  type CliVersion,
  cliVersion,
  fakeClaudePath,
  type ModelApi,
  modelApiEnvironment,
  startModelApi,
  versionNotice,
} from '@hearth/simulator';
import { findClaude } from '@hearth/worker/internal';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type Beginning, CliProcess, newFolder, type Subject } from './cli-process.js';

/** A CLI under test. */
export interface Asked {
  subject: () => Subject;
  /** Started, and initialised with these hooks. */
  start: (beginning?: Beginning, hooks?: object) => Promise<CliProcess>;
  /** The same for tests that leave it as it was: one process for all that begin alike. Its earlier lines are forgotten. */
  shared: (beginning?: Beginning, hooks?: object) => Promise<CliProcess>;
  /** The behaviour of this version: the only place where versions may differ. */
  abilities: () => CliVersion;
}

/** The behaviour that Hearth relies on, tested with the real CLI and with fake-claude, so that the one verifies the other. */
export function describeEachClaude(define: (asked: Asked) => void): void {
  let api: ModelApi;
  beforeAll(async () => {
    api = await startModelApi();
  });
  afterAll(() => api.stop());

  const subjects: { name: string; subject: () => Subject }[] = [
    {
      name: 'the real CLI',
      subject: () => ({ name: 'real', binary: findClaude(undefined).path, env: modelApiEnvironment(api.url) }),
    },
    { name: 'fake-claude', subject: () => ({ name: 'fake', binary: fakeClaudePath(), env: {} }) },
    // The real CLI of that version is tested when it is the first `claude` on PATH.
    {
      name: 'fake-claude as 2.1.197',
      subject: () => ({ name: 'fake', binary: fakeClaudePath(), env: { FAKE_CLAUDE_VERSION: '2.1.197' } }),
    },
  ];

  describe.each(subjects)('$name', ({ subject }) => {
    let version = '';
    beforeAll(async () => {
      const { stdout } = await promisify(execFile)(subject().binary, ['--version'], {
        env: { ...process.env, ...subject().env },
      });
      version = stdout.split(' ')[0] ?? '';
      const known = cliVersion(version);
      const notice = known === undefined ? undefined : versionNotice(version, known);
      if (notice !== undefined) process.stderr.write(`${notice}\n`);
    });
    const shared = new Map<string, Promise<CliProcess>>();
    afterAll(async () => {
      for (const cli of await Promise.all(shared.values())) {
        await cli.end();
        await rm(cli.home, { recursive: true, force: true, maxRetries: 5 });
      }
    });
    const startShared = async (beginning: Beginning, hooks: object): Promise<CliProcess> => {
      const cli = await CliProcess.spawn(subject(), { ...beginning, home: await newFolder() });
      expect(await cli.initialise(hooks)).toMatchObject({ subtype: 'success' });
      return cli;
    };
    define({
      subject,
      shared: async (beginning = {}, hooks = {}) => {
        const key = JSON.stringify([beginning, hooks]);
        const started = shared.get(key) ?? startShared(beginning, hooks);
        shared.set(key, started);
        const cli = await started;
        cli.forget();
        return cli;
      },
      start: async (beginning = {}, hooks = {}) => {
        const cli = await CliProcess.start(subject(), beginning);
        expect(await cli.initialise(hooks)).toMatchObject({ subtype: 'success' });
        return cli;
      },
      abilities: () => {
        const known = cliVersion(version);
        if (known === undefined) throw new Error(`${version}: not in the table of versions`);
        return known.abilities;
      },
    });
  });
}
