import {
  type Claim,
  type HearthError,
  type Logger,
  type SessionStore,
  SessionWriter,
  type TurnResult,
  toErrorBody,
} from '@hearth/shared';
import { refusalOf } from './endings.js';
import { RunningTurn } from './running-turn.js';

/**
 * Tells every waiting turn of a session that nobody can serve it: commits the error to each, in order, and releases the
 * session; rung by 0, whoever wanted it warm is told too. Needs no slot and no agent. Returns the result of the turn that rang.
 */
export async function refuseSession(
  deps: { store: SessionStore; workerId: string; log: Logger },
  sessionId: string,
  claim: Claim,
  rangSeq: number,
  error: HearthError,
): Promise<TurnResult | undefined> {
  const writer = new SessionWriter(deps.store, sessionId, claim);
  let rang: TurnResult | undefined;
  let { note } = claim;
  if (rangSeq === 0) await writer.append([{ type: 'session.warm_failed', error: toErrorBody(error) }]);
  for (;;) {
    const turn = await deps.store.head(sessionId);
    // Whoever closes it withdraws what waits.
    if (turn === 'closing') {
      await writer.release('drain');
      return rang;
    }
    if (turn === undefined) {
      const released = await writer.release('idle');
      // A turn accepted meanwhile is refused too.
      if (released.kind === 'not_empty') continue;
      return rang;
    }
    const hand = RunningTurn.unserved(turn, deps.workerId);
    // One that was begun before may have changed something: then that is what is told (P7).
    const refusal = refusalOf(turn, deps.store.limits.attemptsAllowed, undefined);
    const body = toErrorBody(refusal?.error ?? error);
    note = [note, refusal?.note].filter(Boolean).join('\n');
    const result = hand.result(undefined, { error: body, durable: true, claudeSessionId: undefined });
    const committed = await writer.commit(turn.seq, {
      result,
      messages: [],
      claudeSessionId: claim.claudeSessionId,
      transcriptChunks: claim.transcriptChunks,
      note,
      event: hand.ending(result),
    });
    if (committed.kind === 'fenced') return rang;
    deps.log.warn({ sessionId, seq: turn.seq, turnId: turn.turnId, code: body.code }, 'turn refused');
    if (turn.seq === rangSeq) rang = result;
  }
}
