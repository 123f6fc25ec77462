import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ApiMessage } from '../model-api/conversation.js';
import { textField } from './text-field.js';
import type { CostState } from './turn-end.js';

type Entry = Readonly<Record<string, unknown>>;

/** Fields of every entry of a conversation. */
export type Stamp = () => { cwd: string; sessionId: string; version: string; permissionMode: string };

/** The folder of a project's transcripts: its path with every character but letters and digits as `-`. */
export const projectFolder = (configDir: string, cwd: string): string =>
  join(configDir, 'projects', cwd.replace(/[^a-zA-Z0-9]/g, '-'));

/** Whether a session with that id was ever started under this config dir. */
export function isTaken(configDir: string, sessionId: string): boolean {
  const projects = join(configDir, 'projects');
  if (!existsSync(projects)) return false;
  return readdirSync(projects).some((project) => existsSync(join(projects, project, `${sessionId}.jsonl`)));
}

/**
 * The memory of a session: the content of its file, and nothing else. Owns the entries that are not mirrored yet.
 *
 * Messages are kept without fields that are never read again, so that a long session stays small.
 */
export class Transcript {
  readonly messages: ApiMessage[] = [];
  /** The size of all messages, which the model would have to read, in characters. */
  characters = 0;
  /** What the last process that ended in good order had cost. */
  costState: CostState | undefined;
  /** Digest of what precedes the conversation → how long the last prompt with that head was, in tokens. */
  private readonly asked = new Map<string, number>();
  private unmirrored: Entry[] = [];
  private lastUuid: string | null = null;
  private isCreated = false;

  private constructor(
    readonly file: string,
    private readonly stamp: Stamp,
  ) {}

  static begin(file: string, stamp: Stamp): Transcript {
    return new Transcript(file, stamp);
  }

  /** Appends to the very file it was given. */
  static resume(file: string, stamp: Stamp): Transcript {
    const transcript = new Transcript(file, stamp);
    transcript.isCreated = true;
    for (const entry of readEntries(file)) transcript.remember(entry);
    return transcript;
  }

  /** The id of the session in a file: from its entries, else from its name. */
  static sessionIdOf(file: string): string {
    const named = readEntries(file).findLast((entry) => typeof entry['sessionId'] === 'string');
    return textField(named, 'sessionId', basename(file, '.jsonl'));
  }

  /** Adds a message of the conversation. Returns the uuid of its entry. */
  message(message: ApiMessage & Entry, fields: Entry = {}): string {
    const uuid = randomUUID();
    const { permissionMode, ...stamp } = this.stamp();
    this.append({
      parentUuid: this.lastUuid,
      isSidechain: false,
      type: message.role,
      message,
      ...fields,
      uuid,
      timestamp: new Date().toISOString(),
      ...(message.role === 'user' ? { permissionMode } : {}),
      userType: 'external',
      entrypoint: 'sdk-cli',
      ...stamp,
      gitBranch: '',
    });
    return uuid;
  }

  /** Adds an entry of the CLI itself, which is not part of the conversation. */
  note(type: string, fields: Entry): void {
    this.append({ type, ...fields, timestamp: new Date().toISOString(), sessionId: this.stamp().sessionId });
  }

  /** How much of the conversation the prompt cache holds for such a head, in tokens. Unlike the real cache it forgets nothing. */
  cachedAfter(promptHead: string): number {
    return this.asked.get(promptHead) ?? 0;
  }

  /** The entries added since the last call. */
  takeUnmirrored(): Entry[] {
    const entries = this.unmirrored;
    this.unmirrored = [];
    return entries;
  }

  /** Whether the process was killed in the middle of a turn. */
  isUnfinished(): boolean {
    const last = this.messages.at(-1);
    if (last === undefined) return false;
    const blocks = typeof last.content === 'string' ? [{ type: 'text', text: last.content }] : last.content;
    if (last.role === 'assistant') return blocks.some(({ type }) => type === 'tool_use');
    return !blocks.some(({ text }) => text?.startsWith('[Request interrupted'));
  }

  private append(entry: Entry): void {
    if (!this.isCreated) mkdirSync(dirname(this.file), { recursive: true });
    this.isCreated = true;
    appendFileSync(this.file, `${JSON.stringify(entry)}\n`);
    this.unmirrored.push(entry);
    this.remember(entry);
  }

  private remember(entry: Entry): void {
    if (typeof entry['uuid'] === 'string') this.lastUuid = entry['uuid'];
    if (entry['type'] === 'cost-state') this.costState = entry as unknown as CostState;
    const message = entry['message'] as ApiMessage | undefined;
    if (message === undefined || entry['isSidechain'] === true) return;
    this.characters += JSON.stringify(message.content).length;
    const { promptHead, promptTokens } = entry;
    if (typeof promptHead === 'string' && typeof promptTokens === 'number') this.asked.set(promptHead, promptTokens);
    if (entry['type'] === 'user') this.messages.push({ role: 'user', content: message.content });
    if (entry['type'] === 'assistant' && typeof message.content !== 'string')
      this.messages.push({ role: 'assistant', content: message.content.map(({ type }) => ({ type })) });
  }
}

/** Drops a torn last line, which its killed writer left. */
function readEntries(file: string): Entry[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line): Entry[] => {
      try {
        const entry: unknown = JSON.parse(line);
        return typeof entry === 'object' && entry !== null ? [entry as Entry] : [];
      } catch {
        return [];
      }
    });
}
