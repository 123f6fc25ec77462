import { type Beginning, CliProcess, type Line, type Subject } from '../../../../test/contract/cli-process.js';
import { fakeClaudePath } from '../../src/index.js';

export * from '../../../../test/contract/cli-process.js';

const subject: Subject = { name: 'fake', binary: fakeClaudePath(), env: {} };

/** A fake-claude before its handshake. */
export const raw = (beginning: Beginning = {}): Promise<CliProcess> => CliProcess.start(subject, beginning);

/** A fake-claude after its handshake. */
export async function started(beginning: Beginning = {}, hooks: object = {}): Promise<CliProcess> {
  const cli = await raw(beginning);
  await cli.initialise(hooks);
  return cli;
}

export const results = (cli: CliProcess): Line[] => cli.lines.filter(({ type }) => type === 'result');
