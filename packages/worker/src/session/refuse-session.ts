import { type HearthError, type TurnResult, toErrorBody } from '@hearth/shared';
import { type Claim, type Logger, type SessionStore, SessionWriter } from '@hearth/shared/internal';
import { warmSeq } from './doorbell-waiters.js';
import { RunningTurn } from './running-turn.js';
import { refusalOf } from './turn-outcome.js';

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
    const running = RunningTurn.unserved(turn, workerId);
    // A turn that was begun before may have changed something. Then its result tells that (P7).
    const refusal = refusalOf(turn, store.limits.attemptsAllowed, undefined);
    const body = toErrorBody(refusal?.error ?? error);
    note = [note, refusal?.note].filter(Boolean).join('\n');
    const result = running.result(undefined, { error: body, durable: true, claudeSessionId: undefined });
    const committed = await writer.commit(turn.seq, {
      result,
      messages: [],
      claudeSessionId: claim.claudeSessionId,
      transcriptChunks: claim.transcriptChunks,
      note,
      event: running.endEvent(result),
    });
    if (committed.kind === 'fenced') return refused;
    const { turnId } = turn;
    log.warn({ event: 'turn.refused', sessionId, seq: turn.seq, turnId, code: body.code }, 'turn refused');
    if (turn.seq === seq) refused = result;
  }
}
