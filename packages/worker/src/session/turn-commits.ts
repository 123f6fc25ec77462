import { type HearthError, type Message, type TurnResult, toErrorBody } from '@hearth/shared';
import { type Claim, type HeadTurn, type Logger, toolsThatChange, unservedResult } from '@hearth/shared/internal';
import type { AgentResult } from '../agent/driver.js';
import { interruptionNote, joinNotes } from './note.js';
import type { CommitEntry, Outbox } from './outbox.js';
import { endEvent, type RunningTurn, waitedMs } from './running-turn.js';
import type { TurnOutcome } from './turn-outcome.js';

export interface TurnCommitsDeps {
  workerId: string;
  outbox: Outbox;
  log: Logger;
}

/** `again`: the turn has a result already (it was withdrawn), so the log must be read again. `lost`: the session is not owned any more. */
export type Committed = { kind: 'committed'; seq: number; result: TurnResult } | { kind: 'again' | 'lost' };

/**
 * Commits the session's turns. Owns what the next prompt and the next resume need: the note that is owed, and the conversation that
 * continues.
 *
 * C1 Both change only with a commit, so that the next owner reads the same.
 */
export class TurnCommits {
  private conversation: string | undefined;
  private note: string;

  constructor(
    claim: Pick<Claim, 'claudeSessionId' | 'note'>,
    private readonly deps: TurnCommitsDeps,
  ) {
    this.conversation = claim.claudeSessionId;
    this.note = claim.note;
  }

  /** Claude's id of the conversation that continues. Undefined while nothing was said in it. */
  get claudeSessionId(): string | undefined {
    return this.conversation;
  }
  /** The note that goes before the next prompt, or ''. */
  get owedNote(): string {
    return this.note;
  }

  /** Commits a turn that gets no (further) attempt. */
  unserved(turn: HeadTurn, error: HearthError, note = ''): Promise<Committed> {
    return this.cutOff(unservedResult(turn, error, waitedMs(turn), this.deps.workerId), [], note);
  }

  /** Commits a turn that was to stop and lost its agent. */
  stopped(running: RunningTurn, why: HearthError, claudeSessionId: string): Promise<Committed> {
    const note = interruptionNote(toolsThatChange(running.toolsReached));
    const result = running.result(undefined, { error: toErrorBody(why), durable: true, claudeSessionId });
    return this.cutOff(result, running.messages, note);
  }

  /** Commits a turn whose content the model API refused, so that it would refuse every later prompt, too. */
  refused(running: RunningTurn, answer: AgentResult, outcome: TurnOutcome): Promise<Committed> {
    const note = interruptionNote(toolsThatChange(running.toolsReached));
    return this.cutOff(running.result(answer, outcome), running.messages, note);
  }

  /** Commits a turn whose prompt was answered. `note`: what the next prompt gets, because this one could not have it. */
  answered(running: RunningTurn, answer: AgentResult, outcome: TurnOutcome, note: string): Promise<Committed> {
    const next = { transcript: 'keep', note, claudeSessionId: outcome.claudeSessionId } as const;
    return this.commit(running.result(answer, outcome), running.messages, next);
  }

  /** Commits a turn that is cut from the transcript. A note that was owed to it goes to the next prompt, with the new one. */
  private cutOff(result: TurnResult, messages: readonly Message[], note: string): Promise<Committed> {
    const next = { transcript: 'cut', note: joinNotes(this.note, note), claudeSessionId: this.conversation } as const;
    return this.commit(result, messages, next);
  }

  private async commit(
    result: TurnResult,
    messages: readonly Message[],
    next: Pick<CommitEntry, 'transcript' | 'note' | 'claudeSessionId'>,
  ): Promise<Committed> {
    const { seq } = result;
    const committed = await this.deps.outbox.commit(seq, { result, messages, event: endEvent(result), ...next });
    if (committed.kind === 'fenced') return { kind: 'lost' };
    // Another process gave the turn its result, so its jobs are already completed.
    if (committed.kind === 'already') return { kind: 'again' };
    this.conversation = next.claudeSessionId;
    this.note = next.note;
    const { timings, warmth, toolCount, turnId } = result;
    const failure = result.status === 'failed' ? { code: result.error.code, reason: result.error.message } : {};
    const fields = { seq, turnId, warmth, toolCount, ...timings, ...failure };
    this.deps.log.info({ event: `turn.${result.status}`, ...fields }, `turn ${result.status}`);
    return { kind: 'committed', seq, result };
  }
}
