/**
 * The expected effect of each script on one session: its owner, its log and turns, and its transcript. The property test compares the real
 * scripts with this model after every step, and the protocol model (`test/model`) executes it, so that neither can drift from the Lua.
 * A state is plain JSON, so that it can be copied.
 */

export interface TurnState {
  turnId: string;
  state: 'queued' | 'running' | 'finished' | 'failed';
  attempts: number;
  /** Names of the tools that passed the gate. */
  tools: string[];
  isToStop: boolean;
}

export interface SessionState<Turn extends TurnState = TurnState> {
  incarnation: string;
  /** In the order of their seqs, which are dense from 1. */
  turns: Turn[];
  /** Seqs accepted and not yet committed, in the order of service. */
  log: number[];
  /** Empty without an owner. */
  owner: string;
  /** 0 without an owner. */
  workerNumber: number;
  fence: string;
  epoch: number;
  /** Number of the last write. */
  batch: number;
  transcript: string[];
  committedChunks: number;
  sweeps: number;
  isClosing: boolean;
}

/** Guards of the scripts. The protocol model takes single ones away, to show that it notices. */
interface StoreGuards {
  fence: boolean;
  batch: boolean;
  truncate: boolean;
  deadOnly: boolean;
  headFirst: boolean;
  oneResult: boolean;
}

const allGuards: StoreGuards = {
  fence: true,
  batch: true,
  truncate: true,
  deadOnly: true,
  headFirst: true,
  oneResult: true,
};

/** How often a turn may begin. */
export const attemptsAllowed = 3;

export const openedSession = (incarnation: string): SessionState<never> => ({
  incarnation,
  turns: [],
  log: [],
  owner: '',
  workerNumber: 0,
  fence: '',
  epoch: 0,
  batch: 0,
  transcript: [],
  committedChunks: 0,
  sweeps: 0,
  isClosing: false,
});

export const queuedTurn = (turnId: string): TurnState => ({
  turnId,
  state: 'queued',
  attempts: 0,
  tools: [],
  isToStop: false,
});

export const turnAt = <Turn extends TurnState>({ turns }: SessionState<Turn>, seq: number): Turn | undefined =>
  turns[seq - 1];

/** The seq of a turn; 0: the session does not know it. */
export const seqOf = ({ turns }: SessionState, turnId: string): number =>
  turns.findLastIndex((turn) => turn.turnId === turnId) + 1;

export type OnBusy = 'enqueue' | 'reject' | 'interrupt';

/** Appends a turn to the log. `interrupts`: a running turn that it is to stop. */
export function acceptTurn<Turn extends TurnState>(
  session: SessionState<Turn>,
  turn: Turn,
  onBusy: OnBusy = 'enqueue',
): { seq: number; position: number; interrupts: number | undefined } {
  const [head] = session.log;
  const running = head !== undefined && turnAt(session, head)?.state === 'running' ? head : undefined;
  const position = onBusy === 'enqueue' ? session.log.length : running === undefined ? 0 : 1;
  const seq = session.turns.push(turn);
  session.log.splice(position, 0, seq);
  return { seq, position, interrupts: onBusy === 'interrupt' ? running : undefined };
}

const holdsLock = ({ owner, fence }: SessionState, deadFence: string): boolean => owner !== '' && fence !== deadFence;

export type ClaimKind = 'anew' | 'mine' | 'other' | 'committed' | 'gone';

/** What a claim gets. Seq 0 claims the session before any turn. */
export function claimKind(
  session: SessionState | undefined,
  workerId: string,
  seq: number,
  deadFence: string,
  guards = allGuards,
): ClaimKind {
  if (session === undefined || seq > session.turns.length) return 'gone';
  if (seq !== 0 && !session.log.includes(seq)) return 'committed';
  if (session.owner === workerId) return 'mine';
  if (session.isClosing) return 'gone';
  return guards.deadOnly && holdsLock(session, deadFence) ? 'other' : 'anew';
}

export function changeOwner(
  session: SessionState,
  { workerId, workerNumber }: { workerId: string; workerNumber: number },
  fence: string,
  guards = allGuards,
): void {
  Object.assign(session, { owner: workerId, workerNumber, fence, epoch: session.epoch + 1, batch: 0, sweeps: 0 });
  truncateTranscript(session, guards);
}

export function releaseLock(session: SessionState): void {
  Object.assign(session, { owner: '', workerNumber: 0, fence: '', batch: 0 });
}

/** Whether a write of an owner is done (`ok`), was done before (`repeated`), or is refused. */
export function admission(
  session: SessionState | null,
  fence: string,
  batch: number,
  guards = allGuards,
): 'ok' | 'repeated' | 'gap' | 'fenced' {
  if (session === null || (guards.fence && (session.fence === '' || session.fence !== fence))) return 'fenced';
  if (guards.batch && batch <= session.batch) return 'repeated';
  return guards.batch && batch > session.batch + 1 ? 'gap' : 'ok';
}

/** Whether the turn runs next, so that it may begin and its tools may pass the gate. */
export const isHead = ({ log }: SessionState, seq: number, guards = allGuards): boolean =>
  guards.headFirst ? log[0] === seq : log.includes(seq);

export type BeginKind = 'ok' | 'not_head' | 'interrupted' | 'exhausted';

export function beginKind(session: SessionState, seq: number, guards = allGuards): BeginKind {
  const turn = turnAt(session, seq);
  if (turn === undefined || !isHead(session, seq, guards)) return 'not_head';
  if (turn.isToStop) return 'interrupted';
  return turn.attempts >= attemptsAllowed ? 'exhausted' : 'ok';
}

export function beginTurn(session: SessionState, turn: TurnState, guards = allGuards): void {
  turn.attempts += 1;
  turn.state = 'running';
  session.sweeps = 0;
  truncateTranscript(session, guards);
}

/** Adds a chunk of the transcript. `known`: it is there already. */
export function addChunk({ transcript }: SessionState, offset: number, chunk: string): 'ok' | 'known' | 'gap' {
  if (offset > transcript.length) return 'gap';
  if (offset < transcript.length) return 'known';
  transcript.push(chunk);
  return 'ok';
}

/** Whether a commit changes anything. */
export const isOpen = ({ log }: SessionState, seq: number, guards = allGuards): boolean =>
  log.includes(seq) || !guards.oneResult;

/** Ends a turn with its commit, and the transcript at that many chunks. */
export function commitTurn(session: SessionState, seq: number, chunks: number, guards = allGuards): void {
  session.committedChunks = Math.min(chunks, session.transcript.length);
  truncateTranscript(session, guards);
  endTurn(session, seq, 'finished');
}

export type WithdrawKind = 'withdrawn' | 'committed' | 'running';

export function withdrawKind(session: SessionState, seq: number, deadFence: string): WithdrawKind {
  const turn = turnAt(session, seq);
  if (turn === undefined || !session.log.includes(seq)) return 'committed';
  const isFree = session.isClosing && !holdsLock(session, deadFence);
  return turn.state === 'queued' || isFree ? 'withdrawn' : 'running';
}

/** Takes a turn out of the log. */
export function endTurn(session: SessionState, seq: number, state: 'finished' | 'failed'): void {
  const turn = turnAt(session, seq);
  if (turn !== undefined) turn.state = state;
  session.log = session.log.filter((other) => other !== seq);
  session.sweeps = 0;
}

/** Counts a sweep that returned the session. Sessions of dead owners start anew, because their next check is soon. */
export function countSweep(session: SessionState, isOfDead: boolean): void {
  session.sweeps = isOfDead ? 0 : session.sweeps + 1;
}

export type EraseKind = 'erased' | 'gone' | 'not_empty' | 'held';

export function eraseKind(session: SessionState, incarnation: string, deadFence: string): EraseKind {
  if (session.incarnation !== incarnation || !session.isClosing) return 'gone';
  if (session.log.length > 0) return 'not_empty';
  return holdsLock(session, deadFence) ? 'held' : 'erased';
}

function truncateTranscript(session: SessionState, guards: StoreGuards): void {
  if (guards.truncate) session.transcript.length = Math.min(session.transcript.length, session.committedChunks);
}
