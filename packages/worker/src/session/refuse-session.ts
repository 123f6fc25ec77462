import { type HearthError, type TurnResult, toErrorBody } from '@hearth/shared';
import { type Claim, type Logger, type SessionStore, SessionWriter, unservedResult } from '@hearth/shared/internal';
import { warmSeq } from './doorbell-waiters.js';
import { nextAttempt } from './next-attempt.js';
import { joinNotes } from './note.js';
import { endEvent, waitedMs } from './running-turn.js';

/**
 * Fails every waiting turn of a claimed session with one error, in order, and releases the session. Needs no slot and no agent. A
 * doorbell without a turn fails the warm-up.
 *
 * @param seq the turn whose doorbell was refused
 * @returns the result of that turn
 */
export async function refuseSession(
  deps: { store: SessionStore; workerId: string; log: Logger },
  sessionId: string,
  claim: Claim,
  seq: number,
  error: HearthError,
): Promise<TurnResult | undefined> {
  const { store, workerId, log } = deps;
  const writer = new SessionWriter(store, sessionId, claim);
  let refused: TurnResult | undefined;
  let { note } = claim;
  if (seq === warmSeq) await writer.append([{ type: 'session.warm_failed', error: toErrorBody(error) }]);
  for (;;) {
    const turn = await store.head(sessionId);
    // The closer of a session withdraws its waiting turns.
    if (turn === 'closing') {
      await writer.release('drain');
      return refused;
    }
    if (turn === undefined) {
      const released = await writer.release('idle');
      // A turn accepted meanwhile is refused too.
      if (released.kind === 'not_empty') continue;
      return refused;
    }
    // A turn that was begun before may have changed something. Then its result tells that (P7).
    const next = nextAttempt(turn, store.limits.attemptsAllowed, undefined);
    const failure = next.kind === 'fail' ? next : { error, note: '' };
    const result = unservedResult(turn, failure.error, waitedMs(turn), workerId);
    const nextNote = joinNotes(note, failure.note);
    const { claudeSessionId, transcriptChunks } = claim;
    const rest = { messages: [], claudeSessionId, transcriptChunks, note: nextNote, event: endEvent(result) };
    const committed = await writer.commit(turn.seq, { result, ...rest });
    if (committed.kind === 'fenced') return refused;
    if (committed.kind === 'already') {
      // The turn was withdrawn after the log was read, and has another result.
      if (turn.seq === seq) refused = (await store.turn(sessionId, seq))?.result;
      continue;
    }
    note = nextNote;
    const { turnId } = turn;
    log.warn({ event: 'turn.refused', sessionId, seq: turn.seq, turnId, code: result.error.code }, 'turn refused');
    if (turn.seq === seq) refused = result;
  }
}
