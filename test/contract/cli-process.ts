import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { endWith } from '../setup/leaked-processes.js';

/** A line of the CLI, or an answer in it. Each test knows the fields it reads. */
export type Line = Readonly<Record<string, unknown>> & { readonly type?: string; readonly subtype?: string };

/** The time limit of the CLI's output, in ms. */
const waitMs = 90_000;

export interface Subject {
  name: string;
  binary: string;
  env: Record<string, string>;
}

export interface Beginning {
  /** Absent: a new one, with a new home. */
  home?: string;
  cwd?: string;
  /** Absent: a new one. */
  sessionId?: string;
  resume?: string;
  flags?: readonly string[];
  env?: Record<string, string>;
}

/** Its shells are processes of their own, found by this mark. */
const cliVariable = 'HEARTH_TEST_CLI';

/** The hook of the tool gate, as the worker registers it. */
export const gated = { PreToolUse: [{ matcher: null, hookCallbackIds: ['gate'] }] };

/** A folder of this test, deleted after it. */
export async function testFolder(): Promise<string> {
  const folder = await newFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export const newFolder = async (): Promise<string> => realpath(await mkdtemp(join(tmpdir(), 'hearth-contract-')));

/** A CLI process of this test, with direct access to its lines, its pipes and its end. */
export class CliProcess {
  readonly lines: Line[] = [];
  readonly exited: Promise<{ code: number | null; stderr: string }>;
  stderr = '';
  private waiting: (() => void)[] = [];
  private asked = 0;

  private constructor(
    readonly child: ChildProcess,
    readonly home: string,
    readonly cwd: string,
    readonly sessionId: string,
    private readonly mark: string,
  ) {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
      this.lines.push(parse(text));
      for (const look of this.waiting) look();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('utf8');
    });
    this.exited = new Promise((resolve) => {
      child.on('close', (code) => {
        resolve({ code, stderr: this.stderr });
        for (const look of this.waiting) look();
      });
    });
  }

  /** Starts a CLI for one test, and ends it after the test. */
  static async start(subject: Subject, beginning: Beginning = {}): Promise<CliProcess> {
    const cli = await CliProcess.spawn(subject, { ...beginning, home: beginning.home ?? (await testFolder()) });
    onTestFinished(() => cli.end());
    return cli;
  }

  /** Starts a CLI that the caller ends. */
  static async spawn(subject: Subject, beginning: Beginning & { home: string }): Promise<CliProcess> {
    const { home } = beginning;
    const cwd = beginning.cwd ?? join(home, 'project');
    await mkdir(cwd, { recursive: true });
    const sessionId = beginning.sessionId ?? randomUUID();
    const cliMark = randomUUID();
    const child = spawn(subject.binary, [...commandLine(sessionId, beginning.resume), ...(beginning.flags ?? [])], {
      cwd,
      detached: true,
      stdio: 'pipe',
      env: {
        PATH: process.env['PATH'] ?? '',
        HEARTH_TEST_RUN: process.env['HEARTH_TEST_RUN'] ?? '',
        HOME: home,
        IS_SANDBOX: '1',
        CLAUDE_CONFIG_DIR: join(home, 'config'),
        [cliVariable]: cliMark,
        ...subject.env,
        ...beginning.env,
      },
    });
    const cli = new CliProcess(child, home, cwd, sessionId, cliMark);
    // A write to a process that has just ended: the test sees its exit.
    child.stdin?.on('error', () => undefined);
    return cli;
  }

  /** Kills it, and fails when it leaves a process. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    const left = await endWith(cliVariable, this.mark);
    if (left.length > 0) throw new Error(`The CLI left behind:\n${left.join('\n')}`);
  }

  /** Forgets every line so far, so that a test reads only its own. */
  forget(): void {
    this.lines.length = 0;
  }

  /** The first matching line from that number on. */
  async line(fits: (line: Line) => boolean, from = 0): Promise<Line> {
    return new Promise((resolve, reject) => {
      const said = (): string => this.lines.map(({ type, subtype }) => `${type}/${subtype ?? ''}`).join(' ');
      const timer = setTimeout(() => settle(new Error(`It never came. Said: ${said()} ${this.stderr}`)), waitMs);
      const settle = (outcome: Line | Error): void => {
        clearTimeout(timer);
        this.waiting = this.waiting.filter((waiting) => waiting !== look);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const look = (): void => {
        const found = this.lines.slice(from).find(fits);
        if (found !== undefined) settle(found);
        else if (this.child.exitCode !== null) settle(new Error(`It ended. Said: ${said()} ${this.stderr}`));
      };
      this.waiting.push(look);
      look();
    });
  }

  write(line: object): void {
    this.child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  prompt(content: string): void {
    this.write({ type: 'user', message: { role: 'user', content } });
  }

  /** Sends a control request and returns the answer, errors included. */
  async ask(request: { subtype: string; [field: string]: unknown }): Promise<Line> {
    this.asked += 1;
    const requestId = `asked-${this.asked}`;
    this.write({ type: 'control_request', request_id: requestId, request });
    const { response } = await this.line(
      (line) => line.type === 'control_response' && record(line['response'])['request_id'] === requestId,
    );
    return record(response);
  }

  async initialise(hooks: object = {}): Promise<Line> {
    return this.ask({ subtype: 'initialize', hooks });
  }

  /** Answers a request of the CLI. */
  answer(request: Line, response: object): void {
    const requestId = request['request_id'];
    this.write({ type: 'control_response', response: { subtype: 'success', request_id: requestId, response } });
  }

  answerWithError(request: Line, error: string): void {
    const requestId = request['request_id'];
    this.write({ type: 'control_response', response: { subtype: 'error', request_id: requestId, error } });
  }

  /** The next request of the CLI, from that line on. */
  async asks(subtype: string, from = 0): Promise<Line> {
    return this.line((line) => line.type === 'control_request' && record(line['request'])['subtype'] === subtype, from);
  }

  /** Runs one prompt to its result; returns its lines, the result last. */
  async turn(content: string): Promise<{ said: Line[]; result: Line }> {
    const from = this.lines.length;
    this.prompt(content);
    const result = await this.result(from);
    return { said: this.lines.slice(from, this.lines.indexOf(result) + 1), result };
  }

  async result(from = 0): Promise<Line> {
    return this.line(({ type }) => type === 'result', from);
  }
}

export const record = (value: unknown): Line => (typeof value === 'object' && value !== null ? (value as Line) : {});
const list = (value: unknown): Line[] => (Array.isArray(value) ? (value as Line[]) : []);

/** The blocks of an `assistant` or `user` line. */
export const blocks = (line: Line): Line[] => list(record(line['message'])['content']);

/** The outputs of tools in these lines. */
export const toolResults = (said: readonly Line[]): Line[] =>
  said
    .filter(({ type }) => type === 'user')
    .flatMap(blocks)
    .filter(({ type }) => type === 'tool_result');

/** The mirrored transcript entries in these lines. */
export const mirrored = (said: readonly Line[]): Line[] =>
  said.filter(({ type }) => type === 'transcript_mirror').flatMap((line) => list(line['entries']));

function commandLine(sessionId: string, resume: string | undefined): string[] {
  const streams = ['--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'];
  const asked = ['--session-mirror', '--permission-prompt-tool', 'stdio', '--permission-mode', 'default'];
  const session = resume === undefined ? ['--session-id', sessionId] : ['--resume', resume];
  return ['-p', ...streams, '--include-partial-messages', ...asked, ...session];
}

function parse(text: string): Line {
  try {
    return record(JSON.parse(text));
  } catch {
    return { type: 'garbage', text };
  }
}

/** What kinds of lines were said: the event of the API, or type and subtype. */
export const kinds = (said: readonly Line[]): string[] =>
  said.map(({ type, subtype, ...line }) =>
    type === 'stream_event' ? `${record(line['event']).type}` : `${type}/${subtype ?? ''}`,
  );
