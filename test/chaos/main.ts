/**
 * `pnpm chaos [--minutes n] [--seed n] [--json] [--keep folder] [--report file] [--short] [--check history]`: workers, producers and
 * readers under load, with faults drawn from the seed; the checker judges the recorded history. The last line names the report; after
 * a violation, or with `--keep`, the history and the workers' logs are beside it. Exit code 0: no violation; 1: violations;
 * 2: wrong arguments. Ctrl-C ends the faults; the history so far is judged.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { check, type Verdict } from './checker/check.js';
import { type HistoryRecord, parseHistory } from './checker/records.js';
import { oneOfEach } from './faults/all.js';
import { Recorder } from './recorder.js';
import { reportPage } from './report/page.js';
import { type Progress, run } from './run.js';

const usage =
  'pnpm chaos [--minutes n] [--seed n] [--workers n] [--sessions n] [--lease-ms n] [--json] [--keep folder] [--report file] [--short] [--check history]';

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  process.stderr.write(`--${name} ${text}: expected a number above 0. ${usage}\n`);
  process.exit(2);
}

function argumentsOf() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string', default: '1' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000) + 1) },
        workers: { type: 'string', default: '3' },
        sessions: { type: 'string', default: '8' },
        'lease-ms': { type: 'string', default: '3000' },
        json: { type: 'boolean', default: false },
        keep: { type: 'string' },
        report: { type: 'string' },
        // One fault of each family: the run of the tests.
        short: { type: 'boolean', default: false },
        // No run: judges an existing history.
        check: { type: 'string' },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exit(2);
  }
}

/** Effects and processes of an earlier run would be taken for those of this one. */
async function folderOf(kept: string | undefined): Promise<string> {
  if (values.check !== undefined) return dirname(resolve(values.check));
  if (kept === undefined) return mkdtemp(join(tmpdir(), 'hearth-chaos-'));
  const folder = resolve(kept);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length === 0) return folder;
  process.stderr.write(`--keep ${kept}: expected a folder that is empty, or not there yet. ${usage}\n`);
  process.exit(2);
}

const values = argumentsOf();
const leaving = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
const seed = numberOf('seed', values.seed);
const minutes = numberOf('minutes', values.minutes);
const folder = await folderOf(values.keep);
const say = (text: string): void => void process.stderr.write(text);

function show(progress: Progress): void {
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  if (values.json) process.stdout.write(`${JSON.stringify({ kind: 'progress', seconds, ...progress })}\n`);
  const { faults, turns, waiting, workers } = progress;
  const line = `${seconds} s of ${minutes * 60}: ${faults} faults, ${turns} turns (${waiting} wait), ${workers} workers`;
  if (process.stderr.isTTY) say(`\r${line}   `);
  else if (!values.json && seconds % 10 === 0) say(`${line}\n`);
}

async function play(): Promise<{ records: readonly HistoryRecord[]; verdict: Verdict }> {
  say(`seed ${seed}, ${minutes} minutes, history in ${folder}\n`);
  const log = createWriteStream(join(folder, 'workers.log'));
  const recorder = new Recorder(join(folder, 'history.jsonl'));
  const verdict = await run({
    seed,
    folder,
    recorder,
    workers: numberOf('workers', values.workers),
    slots: 5,
    sessions: numberOf('sessions', values.sessions),
    leaseTtlMs: numberOf('lease-ms', values['lease-ms']),
    withHung: !values.short,
    faults: values.short ? oneOfEach : { forMs: minutes * 60_000 },
    onWorkerLine: (line) => log.write(`${line}\n`),
    onProgress: show,
    signal: leaving.signal,
  });
  log.end();
  return { records: recorder.records, verdict };
}

async function judge(file: string): Promise<{ records: readonly HistoryRecord[]; verdict: Verdict }> {
  const records = parseHistory(await readFile(file, 'utf8'));
  return { records, verdict: check(records) };
}

const startedAt = Date.now();
const { records, verdict } = await (values.check === undefined ? play() : judge(values.check));
const page = resolve(values.report ?? join(folder, 'report.html'));
const ofRun = records.find((record) => record.kind === 'settings')?.seed ?? seed;
await writeFile(page, reportPage(records, verdict, ofRun));
const { violations, taken: _, ...counts } = verdict;
const report = { kind: 'report', seed: ofRun, violations: violations.length, ...counts, page };
if (values.json) {
  for (const violation of violations) process.stdout.write(`${JSON.stringify({ kind: 'violation', ...violation })}\n`);
  process.stdout.write(`${JSON.stringify(report)}\n`);
} else {
  for (const { rule, what, at } of violations)
    say(`\n✗ ${rule}: ${what} (${Math.round(at - (records[0]?.at ?? at))} ms)`);
  say(`\n${JSON.stringify(report, undefined, 2)}\n`);
}
// A run without violations needs only its report.
if (violations.length === 0 && values.keep === undefined && values.check === undefined) {
  const rest = (await readdir(folder)).map((name) => join(folder, name)).filter((path) => path !== page);
  await Promise.all(rest.map((path) => rm(path, { recursive: true, force: true })));
  await rmdir(folder).catch(() => undefined);
}
say(`report: ${page}\n`);
process.exitCode = violations.length === 0 ? 0 : 1;
