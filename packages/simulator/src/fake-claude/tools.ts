import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentMark, type Surroundings } from './surroundings.js';
import { textField } from './text-field.js';

/** The result of a tool: for the model, and for `tool_use_result` of the line. */
export interface ToolOutcome {
  content: string;
  isError: boolean;
  result: unknown;
}

export interface Workplace {
  cwd: string;
  sessionId: string;
  surroundings: Surroundings;
}

type Input = Readonly<Record<string, unknown>>;
type Tool = (input: Input, place: Workplace, signal: AbortSignal) => Promise<ToolOutcome> | ToolOutcome;

const failed = (content: string): ToolOutcome => ({ content, isError: true, result: `Error: ${content}` });

/** The tools. `Effect` is not a tool of the real CLI: it appends a line to a file, to count real effects. */
export const tools: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ['Effect', effect],
  ['Bash', bash],
  ['Read', read],
  ['Write', write],
  ['AskUserQuestion', askUserQuestion],
]);

/** Runs a tool. An error becomes its result. Only an interrupt is thrown. */
export async function runTool(name: string, input: Input, place: Workplace, signal: AbortSignal): Promise<ToolOutcome> {
  const tool = tools.get(name);
  if (tool === undefined) return noSuchTool(name);
  try {
    return await tool(input, place, signal);
  } catch (error) {
    signal.throwIfAborted();
    return failed(error instanceof Error ? error.message : String(error));
  }
}

export function noSuchTool(name: string, why = ''): ToolOutcome {
  const text = `Error: No such tool available: ${name}${why}`;
  return { content: `<tool_use_error>${text}</tool_use_error>`, isError: true, result: text };
}

async function effect(input: Input, place: Workplace, signal: AbortSignal): Promise<ToolOutcome> {
  const file = input['file'] ?? place.surroundings.effectsFile;
  if (typeof file !== 'string') return failed('Effect has no file: set FAKE_CLAUDE_EFFECTS, or give it "file"');
  if (typeof input['ms'] === 'number') await sleep(input['ms'], undefined, { signal });
  const { sessionId, surroundings } = place;
  const text = textField(input, 'text');
  const line = { text, sessionId, pid: process.pid, agent: surroundings.env[agentMark] ?? null, at: Date.now() };
  // One write in append mode stays whole beside other writers.
  appendFileSync(file, `${JSON.stringify(line)}\n`);
  return { content: `Effect: ${text}`, isError: false, result: line };
}

/** Runs a shell in a process session of its own, like the real CLI, so that it survives a kill of the agent or its group. */
async function bash(input: Input, place: Workplace, signal: AbortSignal): Promise<ToolOutcome> {
  const child = spawn('/bin/sh', ['-c', textField(input, 'command')], {
    cwd: place.cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = (): void => killGroup(child.pid);
  place.surroundings.shells.add(end);
  signal.addEventListener('abort', end);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(127));
    child.on('close', (exitCode) => resolve(exitCode ?? 137));
  });
  place.surroundings.shells.delete(end);
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  const said = [stdout, stderr].map((text) => text.trimEnd()).filter((text) => text !== '');
  if (code !== 0) return failed([`Exit code ${code}`, ...said].join('\n'));
  const result = { stdout: stdout.trimEnd(), stderr: stderr.trimEnd(), interrupted: false, isImage: false };
  return { content: said.join('\n'), isError: false, result };
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // The shell has just ended.
  }
}

function read(input: Input, { cwd }: Workplace): ToolOutcome {
  const filePath = textField(input, 'file_path');
  if (!existsSync(filePath)) return failed(`File does not exist. Note: your current working directory is ${cwd}.`);
  const content = readFileSync(filePath, 'utf8');
  const numbered = content.split('\n').map((line, at) => `${at + 1}\t${line}`);
  return { content: numbered.join('\n'), isError: false, result: { type: 'text', file: { filePath, content } } };
}

function write(input: Input): ToolOutcome {
  const filePath = textField(input, 'file_path');
  const content = textField(input, 'content');
  const type = existsSync(filePath) ? 'update' : 'create';
  mkdirSync(dirname(filePath), { recursive: true });
  writeFileSync(filePath, content);
  const said = type === 'create' ? 'File created successfully at:' : 'The file has been updated:';
  return { content: `${said} ${filePath}`, isError: false, result: { type, filePath, content } };
}

/** The host puts the answers into the input. */
function askUserQuestion(input: Input): ToolOutcome {
  const answers = Object.entries((input['answers'] ?? {}) as Record<string, unknown>);
  const said = answers.map(([question, answer]) => `"${question}"="${String(answer)}"`).join(', ');
  const content = `Your questions have been answered: ${said}. You can now continue with these answers in mind.`;
  return { content, isError: false, result: { questions: input['questions'], answers: input['answers'] } };
}
