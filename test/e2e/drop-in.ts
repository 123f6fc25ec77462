/** hearth-claude side by side with the real claude, call by call. Only what docs/drop-in.md lists may differ. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findClaude } from '@hearth/worker/internal';
import { execa } from 'execa';
import { expect } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { dropIn } from '../support/programs.js';

const document = readFileSync(new URL('../../docs/drop-in.md', import.meta.url), 'utf8');

type Line = Record<string, unknown>;

interface Answer {
  code: number | undefined;
  stdout: string;
  stderr: string;
}

interface Invocation {
  args: readonly string[];
  stdin?: string;
  /** The words differ, as the document says. */
  otherWords?: boolean;
}

const user = (content: string): string => `${JSON.stringify({ type: 'user', message: { role: 'user', content } })}\n`;
const stream = ['--output-format', 'stream-json', '--verbose'];
const json = ['--output-format', 'json'];
const known = '22222222-2222-4222-8222-222222222222';
const unknown = '11111111-1111-4111-8111-111111111111';
const recall = 'What number did I ask you to remember?';

const tool = '[[tool Bash {"command":"echo hi"}]] go';

/** In this order, because some resume what others said. */
export const allInvocations: readonly Invocation[] = [
  { args: ['-p', 'hello'] },
  { args: ['-p', ...json, '--model', 'claude-opus-5-5', 'hello'] },
  { args: ['--print', ...stream, 'hello'] },
  { args: ['-p', ...stream, '--include-partial-messages', 'hello there'] },
  { args: ['-p', tool, ...stream, '--allowedTools', 'Bash'] },
  { args: ['-p', tool, '--include-partial-messages', ...stream] },
  { args: ['-p', ...json, '[[tool Write {"file_path":"/tmp/x","content":"x"}]] go'], otherWords: true },
  { args: ['-p'], stdin: 'piped\n' },
  { args: ['-p', 'and said'], stdin: 'piped\n' },
  { args: ['-p'] },
  { args: ['-p', '[[error 400]] x'] },
  { args: ['-p', '--output-format=json', '[[error 400]] x'] },
  { args: ['-p', '--session-id', known, 'Remember the number 5.'] },
  { args: ['-p', '--session-id', known, 'again'] },
  { args: ['-p', '--resume', known, ...json, recall] },
  { args: ['-pc', recall] },
  { args: ['-p', '-r', unknown, ...stream, 'x'] },
  { args: ['-p', '--input-format', 'stream-json', ...stream], stdin: user('one') + user('[[error 400]] two') },
  { args: ['-p', '--verbose', ...json, 'hello'] },
  { args: ['-p', '--frobnicate', 'x'] },
];

interface Programs {
  real: (call: Invocation) => Promise<Answer>;
  ours: (call: Invocation) => Promise<Answer>;
}

async function programs(cluster: Cluster): Promise<Programs> {
  const cwd = await cluster.folder();
  const home = await cluster.folder();
  const env = {
    ...cluster.env,
    HOME: home,
    HEARTH_HOME: home,
    CLAUDE_CONFIG_DIR: join(home, 'config'),
    IS_SANDBOX: '1',
  };
  const run = async (file: string, args: readonly string[], { stdin }: Invocation): Promise<Answer> => {
    const { exitCode, stdout, stderr } = await execa(file, args, {
      cwd,
      env,
      extendEnv: false,
      reject: false,
      ...(stdin === undefined ? { stdin: 'ignore' as const } : { input: stdin }),
    });
    return { code: exitCode, stdout, stderr };
  };
  const { path } = findClaude(undefined);
  return {
    real: (call) => run(path, call.args, call),
    ours: (call) => run(process.execPath, [dropIn, ...call.args], call),
  };
}

const profiles = { default: { model: 'claude-opus-5-5', allowedTools: ['Bash'], spares: 2 } };

/** Makes each call of the real CLI and of hearth-claude, and compares lines, words, exit codes and errors. */
export async function answersAsTheRealCli(invocations: readonly Invocation[]): Promise<void> {
  await withCluster(async (cluster) => {
    // Room for every session that is opened here, so that none is evicted.
    await cluster.worker({ profiles, slots: 16 });
    const { real, ours } = await programs(cluster);
    for (const call of invocations) {
      const one = await real(call);
      const other = await ours(call);
      const name = call.args.join(' ');
      expect.soft({ name, code: other.code }).toEqual({ name, code: one.code });
      if (one.stdout.startsWith('{') || one.stdout.startsWith('['))
        expectSameLines(name, one.stdout, other.stdout, call);
      else expect.soft({ name, stdout: other.stdout }).toEqual({ name, stdout: one.stdout });
      expect.soft({ name, stderr: other.stderr }).toEqual({ name, stderr: one.stderr });
    }
  });
}

function expectSameLines(name: string, real: string, ours: string, { otherWords }: Invocation): void {
  const [expected, got] = [linesOf(real), linesOf(ours)];
  expect.soft({ name, kinds: got.map(kindOf) }).toEqual({ name, kinds: expected.map(kindOf) });
  for (const [at, line] of expected.entries()) {
    const kind = kindOf(line);
    // Hearth does not know that this message is an API error, as the document says.
    if (line['is_api_error_message'] === true) continue;
    expect.soft({ name, kind, keys: shapeOf(got[at], kind) }).toEqual({ name, kind, keys: shapeOf(line, kind) });
    if (!otherWords) expect.soft(wordsOf(got[at])).toEqual(wordsOf(line));
  }
  expect.soft(new Set(got.map((line) => line['session_id'])).size).toBe(1);
}

/** Lines that the document lists as missing. */
const missingLines = new Set(rows('Lines that are missing').map(([line]) => line));
/** `kind.path` of the fields that the document lists as missing. */
const missingFields = new Set(
  rows('Fields that are missing').flatMap(([kind, fields = '']) =>
    fields.split(', ').map((field) => `${kind}.${field.split(' ')[0]}`),
  ),
);

/** The rows of a table of the document, without its code marks. */
function rows(title: string): string[][] {
  const [, section = ''] = document.split(`## ${title}\n`);
  const table = (section.split('\n## ')[0] ?? '').split('\n').filter((row) => row.startsWith('| `'));
  return table.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
}

function linesOf(stdout: string): Line[] {
  const values = stdout.split('\n').map((text) => JSON.parse(text) as Line | Line[]);
  return values.flat().filter((line) => !missingLines.has(kindOf(line)));
}

function kindOf({ type, subtype, event }: Line): string {
  if (type === 'stream_event') return `stream_event/${String((event as Line)['type'])}`;
  return type === 'system' ? `${type}/${String(subtype)}` : String(type);
}

/** Objects whose keys are names of models, not fields. */
const maps = new Set(['modelUsage']);

/** Every field with its type, but for those that the document lists. */
function shapeOf(value: unknown, path: string): unknown {
  if (Array.isArray(value)) {
    const isBare = value.length === 0 || typeof value[0] !== 'object' || path.startsWith('system/init');
    return isBare ? [] : [shapeOf(value[0], path)];
  }
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  const [kind, ...fields] = path.split('.');
  if (maps.has(fields.at(-1) ?? ''))
    return Object.entries(value).map(([name, one]) => [name, shapeOf(one, `${path}.*`)]);
  if (fields.at(-1) === 'input' || fields.at(-1) === 'tool_input') return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, field]) => [key, `${[kind, ...fields, key].join('.')}`, field] as const)
      .filter(([, at]) => !missingFields.has(at))
      .map(([key, at, field]) => [key, shapeOf(field, at)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** The words of a line and how it ended. */
function wordsOf(line: Line | undefined): unknown {
  const { type, subtype, result, errors, is_error, terminal_reason, permission_denials, message, event } = line ?? {};
  const content = (message as Line | undefined)?.['content'];
  const delta = (event as Line | undefined)?.['delta'];
  return {
    type,
    subtype,
    result,
    errors,
    is_error,
    terminal_reason,
    permission_denials,
    ...timeless({ content, delta }),
  };
}

/** Ids of tool uses differ from call to call. */
const timeless = (value: object): object =>
  JSON.parse(JSON.stringify(value, (key, one: unknown) => (/(^|_)id$/.test(key) ? 'id' : one))) as object;
