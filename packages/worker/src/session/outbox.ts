import {
  type CommitInput,
  formatChunk,
  type HearthEvent,
  type PermissionRequest,
  type SessionWriter,
  splitUtf8,
  type WriteOutcome,
} from '@hearth/shared';

/** A write carries at most so many events, so that one script never holds Redis for long. */
const eventsPerWrite = 500;
/** Transcript chunks are at most this long, so that no single write holds Redis for long. */
const chunkBytes = 1_000_000;
/** What waits while Redis is away or slow: so many entries, and so many characters of text and transcript, are the bound. */
const waitingAtMost = { entries: 50_000, characters: 64 * 1024 * 1024 };

type Entry =
  | { kind: 'event'; event: HearthEvent }
  | { kind: 'tool'; seq: number; name: string; event: HearthEvent; done: (outcome: WriteOutcome) => void }
  | { kind: 'permission'; asked: AskedPermission; done: (outcome: WriteOutcome | { kind: 'not_head' }) => void }
  | { kind: 'transcript'; file: string; lines: string; settled: boolean }
  | { kind: 'begin'; seq: number; event: HearthEvent; done: (outcome: BeginOutcome) => void }
  | { kind: 'commit'; seq: number; input: CommitEntry; done: (outcome: CommitOutcome) => void };

type BeginOutcome = Awaited<ReturnType<SessionWriter['begin']>>;

/** `already`: the turn was withdrawn, so it has a result. */
type CommitOutcome = WriteOutcome | { kind: 'already' };

/** A permission request on its way to whoever may answer it. */
export interface AskedPermission {
  request: Omit<PermissionRequest, 'expiresAt'>;
  deadlineMs: number;
  parentToolUseId: string | undefined;
}

/** A commit, without the length of the transcript: that is what was written before it. */
export interface CommitEntry extends Omit<CommitInput, 'transcriptChunks'> {
  /** `cut`: what was written of the transcript since the last commit is no part of the past. */
  transcript: 'keep' | 'cut';
}

/**
 * What a session's agent says, and its begins and commits, on their way into Redis. Owns the order of the session's writes and the
 * number of transcript chunks.
 *
 * O1 Entries are written in the order they were put in.
 * O2 Events are batched only while a write is in flight: at low load an event waits for nothing.
 * O3 After a write was refused by the fence, or `close`, nothing more is written; what is put in is counted as refused.
 * O4 What waits is bounded: beyond that the session is given up here, rather than the worker's memory.
 */
export class Outbox {
  private entries: Entry[] = [];
  private running: Promise<void> | undefined;
  private over = false;
  private refused = 0;
  private waitingCharacters = 0;
  private chunkCount: number;
  private settledCount: number;

  constructor(
    private readonly writer: SessionWriter,
    transcriptChunks: number,
    private readonly onFailure: (failure: { kind: 'fenced' } | { kind: 'error'; error: unknown }) => void,
  ) {
    this.chunkCount = transcriptChunks;
    this.settledCount = transcriptChunks;
  }

  /** Entries that were not even tried, because the session was lost before. */
  get refusedEntries(): number {
    return this.refused;
  }
  /** Chunks that are the session's past. */
  get settledChunks(): number {
    return this.settledCount;
  }

  event(event: HearthEvent): void {
    this.put({ kind: 'event', event });
  }

  /** Resolves when the begin is recorded, or why it is not. Begin and claim cut the transcript back to the committed chunks; so does this. */
  async begin(seq: number, event: HearthEvent): Promise<BeginOutcome> {
    return new Promise((done) => this.put({ kind: 'begin', seq, event, done }));
  }

  /** The tool gate: resolves when `tool.started` is written, or refused. */
  async reachTool(seq: number, name: string, event: HearthEvent): Promise<WriteOutcome> {
    return new Promise((done) => this.put({ kind: 'tool', seq, name, event, done }));
  }

  /** Resolves when the request is stored and published, or refused. */
  async askPermission(asked: AskedPermission): Promise<WriteOutcome | { kind: 'not_head' }> {
    return new Promise((done) => this.put({ kind: 'permission', asked, done }));
  }

  transcript(file: string, lines: string, settled: boolean): void {
    this.put({ kind: 'transcript', file, lines, settled });
  }

  /** Commits a turn after everything that was put in before; lines of the transcript put in later are the past at once. */
  async commit(seq: number, input: CommitEntry): Promise<CommitOutcome> {
    return new Promise((done) => this.put({ kind: 'commit', seq, input, done }));
  }

  /** Resolves when everything put in so far is written, or refused. */
  async flush(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** The session is not ours any more: refuses what waits and what comes. */
  close(): void {
    this.over = true;
    for (const entry of this.entries.splice(0)) this.refuse(entry);
  }

  private refuse(entry: Entry): void {
    this.refused += 1;
    if ('done' in entry) entry.done({ kind: 'fenced' });
  }

  private put(entry: Entry): void {
    if (this.over) return this.refuse(entry);
    this.entries.push(entry);
    this.waitingCharacters += charactersOf(entry);
    if (this.entries.length > waitingAtMost.entries || this.waitingCharacters > waitingAtMost.characters)
      return this.giveUp({ kind: 'error', error: new Error('what the agent says waits for Redis beyond all bounds') });
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
      // Put in after the loop had looked for the last time.
      if (this.entries.length > 0) this.start();
    });
  }

  private async run(): Promise<void> {
    try {
      while (this.entries.length > 0) {
        const outcome = await this.writeNext();
        if (outcome.kind === 'fenced') return this.giveUp({ kind: 'fenced' });
      }
    } catch (error) {
      this.giveUp({ kind: 'error', error });
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
    if (outcome.kind === 'ok') this.chunkCount = this.settledCount;
    return outcome;
  }

  private async writeTranscript(entry: { file: string; lines: string; settled: boolean }): Promise<WriteOutcome> {
    for (const part of splitUtf8(entry.lines, chunkBytes)) {
      const outcome = await this.writer.transcript(this.chunkCount, formatChunk(entry.file, part), entry.settled);
      if (outcome.kind === 'fenced') return outcome;
      this.chunkCount += 1;
      if (entry.settled) this.settledCount = this.chunkCount;
    }
    return { kind: 'ok' };
  }

  private async writePermission({ request, deadlineMs, parentToolUseId }: AskedPermission) {
    const by = parentToolUseId === undefined ? {} : { parentToolUseId };
    return this.writer.askPermission(request, deadlineMs, { type: 'permission.requested', ...request, ...by });
  }

  private async writeCommit(seq: number, { transcript, ...input }: CommitEntry): Promise<CommitOutcome> {
    const transcriptChunks = transcript === 'keep' ? this.chunkCount : this.settledCount;
    const outcome = await this.writer.commit(seq, { ...input, transcriptChunks });
    if (outcome.kind === 'ok') this.chunkCount = this.settledCount = transcriptChunks;
    return outcome;
  }

  private giveUp(failure: { kind: 'fenced' } | { kind: 'error'; error: unknown }): void {
    this.close();
    this.onFailure(failure);
  }
}

/** About how much an entry holds: what is long in it. */
function charactersOf(entry: Entry): number {
  if (entry.kind === 'transcript') return entry.lines.length;
  if (entry.kind !== 'event') return 0;
  return 'text' in entry.event ? entry.event.text.length : 0;
}

/** Tells whoever waits for an entry how its write went; a failed write is told as refused, and thrown. */
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
