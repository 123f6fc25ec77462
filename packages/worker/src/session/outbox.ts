import type { HearthEvent, PermissionRequest } from '@hearth/shared';
import {
  type CommitInput,
  formatChunk,
  type Logger,
  type SessionWriter,
  splitUtf8,
  type WriteOutcome,
} from '@hearth/shared/internal';
import type { Ownership } from './ownership.js';

/** A write carries at most so many events, so that one script never blocks Redis for long. */
const eventsPerWrite = 500;
/** Transcript chunks are at most so many bytes, so that no single write blocks Redis for long. */
const chunkBytes = 1_000_000;
/** Bounds of what waits while Redis is away or slow: entries, and characters of text and transcript. */
const waitingAtMost = { entries: 50_000, characters: 64 * 1024 * 1024 };

type Entry =
  | { kind: 'event'; event: HearthEvent }
  | { kind: 'tool'; seq: number; name: string; event: HearthEvent; done: (outcome: WriteOutcome) => void }
  | { kind: 'permission'; asked: AskedPermission; done: (outcome: WriteOutcome | { kind: 'not_head' }) => void }
  | { kind: 'transcript'; file: string; lines: string; committed: boolean }
  | { kind: 'begin'; seq: number; event: HearthEvent; done: (outcome: BeginOutcome) => void }
  | { kind: 'commit'; seq: number; input: CommitEntry; done: (outcome: CommitOutcome) => void };

type BeginOutcome = Awaited<ReturnType<SessionWriter['begin']>>;

/** `already`: the turn was withdrawn, so it has a result. */
type CommitOutcome = WriteOutcome | { kind: 'already' };

/** A permission request that is to be stored and published. */
export interface AskedPermission {
  request: Omit<PermissionRequest, 'expiresAt'>;
  deadlineMs: number;
  parentToolUseId: string | undefined;
}

/** A commit. The outbox adds the length of the transcript, because it knows how many chunks it wrote. */
export interface CommitEntry extends Omit<CommitInput, 'transcriptChunks'> {
  /** `cut`: chunks written since the last commit are dropped from the transcript. */
  transcript: 'keep' | 'cut';
}

/**
 * Writes a session's events, transcript, begins and commits to Redis. Owns the order of the writes and the number of transcript chunks.
 *
 * O1 Entries are written in the order they were put in.
 * O2 Events are batched only while a write is in flight, so at low load an event waits for nothing.
 * O3 Once the session is lost, nothing more is written. Entries are refused and counted.
 * O4 Waiting entries are bounded. Beyond the bound the worker gives the session up, to protect its memory.
 */
export class Outbox {
  private entries: Entry[] = [];
  private running: Promise<void> | undefined;
  private waitingCharacters = 0;
  private writtenChunks: number;
  private committed: number;

  constructor(
    private readonly writer: SessionWriter,
    private readonly ownership: Ownership,
    private readonly log: Logger,
  ) {
    this.writtenChunks = ownership.claim.transcriptChunks;
    this.committed = this.writtenChunks;
    ownership.lost.addEventListener('abort', () => {
      for (const entry of this.entries.splice(0)) this.refuse(entry);
    });
  }

  /** Transcript chunks that are committed. */
  get committedChunks(): number {
    return this.committed;
  }

  event(event: HearthEvent): void {
    this.put({ kind: 'event', event });
  }

  /** Records a begin. Like the script, it cuts the transcript back to the committed chunks. */
  async begin(seq: number, event: HearthEvent): Promise<BeginOutcome> {
    return new Promise((done) => this.put({ kind: 'begin', seq, event, done }));
  }

  /** Records a tool at the gate. Resolves when `tool.started` is written, or refused. */
  async reachTool(seq: number, name: string, event: HearthEvent): Promise<WriteOutcome> {
    return new Promise((done) => this.put({ kind: 'tool', seq, name, event, done }));
  }

  /** Stores and publishes a permission request. */
  async askPermission(asked: AskedPermission): Promise<WriteOutcome | { kind: 'not_head' }> {
    return new Promise((done) => this.put({ kind: 'permission', asked, done }));
  }

  /** Writes lines of the transcript. `committed`: no turn runs, so the lines are committed at once. */
  transcript(file: string, lines: string, committed: boolean): void {
    this.put({ kind: 'transcript', file, lines, committed });
  }

  /** Commits a turn after everything that was put in before. */
  async commit(seq: number, input: CommitEntry): Promise<CommitOutcome> {
    return new Promise((done) => this.put({ kind: 'commit', seq, input, done }));
  }

  /** Resolves when every entry so far is written, or refused. */
  async flush(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  private refuse(entry: Entry): void {
    this.ownership.countRefused();
    if ('done' in entry) entry.done({ kind: 'fenced' });
  }

  private put(entry: Entry): void {
    if (this.ownership.isLost) return this.refuse(entry);
    this.entries.push(entry);
    this.waitingCharacters += charactersOf(entry);
    if (this.entries.length > waitingAtMost.entries || this.waitingCharacters > waitingAtMost.characters)
      return this.giveUp(new Error('too much output of the agent waits for Redis'));
    this.start();
  }

  private take(): Entry | undefined {
    const entry = this.entries.shift();
    if (entry !== undefined) this.waitingCharacters -= charactersOf(entry);
    return entry;
  }

  private start(): void {
    this.running ??= this.run().finally(() => {
      this.running = undefined;
      // An entry may have come after the loop's last check.
      if (this.entries.length > 0) this.start();
    });
  }

  private async run(): Promise<void> {
    try {
      while (this.entries.length > 0) {
        const outcome = await this.writeNext();
        if (outcome.kind !== 'fenced') continue;
        this.ownership.countRefused();
        this.ownership.lose('fenced');
      }
    } catch (error) {
      this.giveUp(error);
    }
  }

  private async writeNext(): Promise<{ kind: string }> {
    const entry = this.take();
    if (entry === undefined) return { kind: 'ok' };
    switch (entry.kind) {
      case 'event': {
        const events = [entry.event];
        while (events.length < eventsPerWrite && this.entries[0]?.kind === 'event') {
          events.push(this.entries[0].event);
          this.take();
        }
        return this.writer.append(events);
      }
      case 'tool':
        return answering<WriteOutcome>(entry, this.writer.reachTool(entry.seq, entry.name, entry.event));
      case 'permission':
        return answering<WriteOutcome | { kind: 'not_head' }>(entry, this.writePermission(entry.asked));
      case 'begin':
        return answering<BeginOutcome>(entry, this.writeBegin(entry.seq, entry.event));
      case 'commit':
        return answering<CommitOutcome>(entry, this.writeCommit(entry.seq, entry.input));
      case 'transcript':
        return this.writeTranscript(entry);
    }
  }

  private async writeBegin(seq: number, event: HearthEvent): Promise<BeginOutcome> {
    const outcome = await this.writer.begin(seq, event);
    if (outcome.kind === 'ok') this.writtenChunks = this.committed;
    return outcome;
  }

  private async writeTranscript(entry: { file: string; lines: string; committed: boolean }): Promise<WriteOutcome> {
    for (const part of splitUtf8(entry.lines, chunkBytes)) {
      const outcome = await this.writer.transcript(this.writtenChunks, formatChunk(entry.file, part), entry.committed);
      if (outcome.kind === 'fenced') return outcome;
      this.writtenChunks += 1;
      if (entry.committed) this.committed = this.writtenChunks;
    }
    return { kind: 'ok' };
  }

  private async writePermission({ request, deadlineMs, parentToolUseId }: AskedPermission) {
    const by = parentToolUseId === undefined ? {} : { parentToolUseId };
    return this.writer.askPermission(request, deadlineMs, { type: 'permission.requested', ...request, ...by });
  }

  private async writeCommit(seq: number, { transcript, ...input }: CommitEntry): Promise<CommitOutcome> {
    const transcriptChunks = transcript === 'keep' ? this.writtenChunks : this.committed;
    const outcome = await this.writer.commit(seq, { ...input, transcriptChunks });
    if (outcome.kind === 'ok') this.writtenChunks = this.committed = transcriptChunks;
    return outcome;
  }

  private giveUp(error: unknown): void {
    if (!this.ownership.isLost)
      this.log.error({ event: 'session.write_failed', err: error }, 'a write to the session store failed');
    this.ownership.lose('write_failed');
  }
}

/** About how many characters an entry holds. Only text and transcript can be long. */
function charactersOf(entry: Entry): number {
  if (entry.kind === 'transcript') return entry.lines.length;
  if (entry.kind !== 'event') return 0;
  return 'text' in entry.event ? entry.event.text.length : 0;
}

/** Resolves an entry with the outcome of its write. A failed write resolves as refused, and throws. */
async function answering<T extends { kind: string }>(
  entry: { done: (outcome: T | { kind: 'fenced' }) => void },
  write: Promise<T>,
): Promise<T> {
  try {
    const outcome = await write;
    entry.done(outcome);
    return outcome;
  } catch (error) {
    entry.done({ kind: 'fenced' });
    throw error;
  }
}
