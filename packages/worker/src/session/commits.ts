import type { Claim, ErrorBody, HeadTurn, HearthError, Logger, TurnResult } from '@hearth/shared';
import { toErrorBody, toolsThatChange } from '@hearth/shared';
import type { AgentResult } from '../agent/driver.js';
import { interruptionNote } from './note.js';
import type { CommitEntry, Outbox } from './outbox.js';
import { RunningTurn } from './running-turn.js';

export interface CommitsDeps {
  workerId: string;
  outbox: Outbox;
  /** A turn's commit was put into the outbox. */
  onPut(seq: number): void;
  log: Logger;
}

/** `again`: it has a result already (it was withdrawn), so the log has to be looked at again; `lost`: the session is not ours any more. */
export type Committed = { kind: 'committed'; seq: number; result: TurnResult } | { kind: 'again' | 'lost' };

/**
 * Writes the results of a session's turns. Owns what the session's next prompt and its next resume need: the note that is owed, and the
 * conversation that goes on.
 *
 * C1 Both change with a commit alone, so that they are what the next owner reads.
 */
export class Commits {
  private conversation: string | undefined;
  private note: string;

  constructor(
    claim: Pick<Claim, 'claudeSessionId' | 'note'>,
    private readonly deps: CommitsDeps,
  ) {
    this.conversation = claim.claudeSessionId;
    this.note = claim.note;
  }

  /** Claude's id of the conversation that goes on, if anything was said in it. */
  get claudeSessionId(): string | undefined {
    return this.conversation;
  }
  /** What the next prompt says first, or ''. */
  get owedNote(): string {
    return this.note;
  }

  /** A turn that nobody serves (again). */
  unserved(turn: HeadTurn, error: HearthError, note = ''): Promise<Committed> {
    const hand = RunningTurn.unserved(turn, this.deps.workerId);
    const result = hand.result(undefined, { error: toErrorBody(error), durable: true, claudeSessionId: undefined });
    return this.cutOff(hand, result, note);
  }

  /** A turn that was to stop, and whose agent is gone. */
  stopped(hand: RunningTurn, why: HearthError, claudeSessionId: string): Promise<Committed> {
    const changed = toolsThatChange(hand.toolsReached);
    const result = hand.result(undefined, { error: toErrorBody(why), durable: true, claudeSessionId });
    return this.cutOff(hand, result, changed.length > 0 ? interruptionNote(changed) : '');
  }

  /** A turn whose prompt was answered. */
  answered(
    hand: RunningTurn,
    answer: AgentResult,
    ending: { error: ErrorBody | undefined; durable: boolean; claudeSessionId: string },
  ): Promise<Committed> {
    const { claudeSessionId } = ending;
    return this.commit(hand, hand.result(answer, ending), { transcript: 'keep', note: '', claudeSessionId });
  }

  /** The turn is cut from the past: a note that was owed to it is owed to the next prompt, with what there is to add. */
  private cutOff(hand: RunningTurn, result: TurnResult, note: string): Promise<Committed> {
    return this.commit(hand, result, {
      transcript: 'cut',
      note: [this.note, note].filter(Boolean).join('\n'),
      claudeSessionId: this.conversation,
    });
  }

  private async commit(
    hand: RunningTurn,
    result: TurnResult,
    past: Pick<CommitEntry, 'transcript' | 'note' | 'claudeSessionId'>,
  ): Promise<Committed> {
    const { seq, messages } = hand;
    const committing = this.deps.outbox.commit(seq, { result, messages, event: hand.ending(result), ...past });
    this.deps.onPut(seq);
    const committed = await committing;
    // The outbox has told of it.
    if (committed.kind === 'fenced') return { kind: 'lost' };
    // Its doorbells were told.
    if (committed.kind === 'already') return { kind: 'again' };
    this.conversation = past.claudeSessionId;
    this.note = past.note;
    const { timings, warmth, toolCount, turnId } = result;
    const failure = result.status === 'failed' ? { code: result.error.code, reason: result.error.message } : {};
    this.deps.log.info({ seq, turnId, warmth, toolCount, ...timings, ...failure }, `turn ${result.status}`);
    return { kind: 'committed', seq, result };
  }
}
