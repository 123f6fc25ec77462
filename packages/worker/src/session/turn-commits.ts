import { type HearthError, type TurnResult, toErrorBody } from '@hearth/shared';
import { type Claim, type HeadTurn, type Logger, toolsThatChange } from '@hearth/shared/internal';
import type { AgentResult } from '../agent/driver.js';
import { interruptionNote } from './note.js';
import type { CommitEntry, Outbox } from './outbox.js';
import { RunningTurn } from './running-turn.js';
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
    const running = RunningTurn.unserved(turn, this.deps.workerId);
    const result = running.result(undefined, { error: toErrorBody(error), durable: true, claudeSessionId: undefined });
    return this.cutOff(running, result, note);
  }

  /** Commits a turn that was to stop and lost its agent. */
  stopped(running: RunningTurn, why: HearthError, claudeSessionId: string): Promise<Committed> {
    const changed = toolsThatChange(running.toolsReached);
    const result = running.result(undefined, { error: toErrorBody(why), durable: true, claudeSessionId });
    return this.cutOff(running, result, changed.length > 0 ? interruptionNote(changed) : '');
  }

  /** Commits a turn whose prompt was answered. */
  answered(running: RunningTurn, answer: AgentResult, outcome: TurnOutcome): Promise<Committed> {
    const { claudeSessionId } = outcome;
    return this.commit(running, running.result(answer, outcome), { transcript: 'keep', note: '', claudeSessionId });
  }

  /** Commits a turn that is cut from the transcript. A note that was owed to it goes to the next prompt, with the new one. */
  private cutOff(running: RunningTurn, result: TurnResult, note: string): Promise<Committed> {
    return this.commit(running, result, {
      transcript: 'cut',
      note: [this.note, note].filter(Boolean).join('\n'),
      claudeSessionId: this.conversation,
    });
  }

  private async commit(
    running: RunningTurn,
    result: TurnResult,
    next: Pick<CommitEntry, 'transcript' | 'note' | 'claudeSessionId'>,
  ): Promise<Committed> {
    const { seq, messages } = running;
    const entry = { result, messages, event: running.endEvent(result), ...next };
    const committed = await this.deps.outbox.commit(seq, entry);
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
