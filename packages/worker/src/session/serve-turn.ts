import { type HearthError, toErrorBody } from '@hearth/shared';
import { expiredError, type HeadTurn, type Logger, stoppedError } from '@hearth/shared/internal';
import type { Agent, AgentExit, AgentResult } from '../agent/driver.js';
import { crashedError, nextAttempt } from './next-attempt.js';
import { withNote } from './note.js';
import type { Outbox } from './outbox.js';
import type { Ownership } from './ownership.js';
import { RunningTurn } from './running-turn.js';
import type { AcquiredAgent, SessionAgent } from './session-agent.js';
import type { Committed, TurnCommits } from './turn-commits.js';
import { failureOf, killedByKernelError } from './turn-outcome.js';

/** What serving a turn needs of its session. */
export interface TurnSession {
  workerId: string;
  attemptsAllowed: number;
  ownership: Ownership;
  agent: SessionAgent;
  outbox: Outbox;
  commits: TurnCommits;
  /** Whether the session stays on this worker after the running turn. */
  stays(): boolean;
  /** Whether another worker should try a turn that gets no agent here. */
  leaveToOthers(seq: number): Promise<boolean>;
  log: Logger;
}

/** What one attempt came to. `elsewhere`: another worker should try the turn. */
export type Served = Committed | { kind: 'elsewhere' };

const again: Served = { kind: 'again' };
const lost: Served = { kind: 'lost' };

/**
 * Makes one attempt at the turn at the head of the log.
 *
 * V1 Nothing reaches the agent before the begin is recorded. Nothing is committed before the agent's output is written.
 * V2 A lost agent does not end its turn. The turn stays at the head and the next attempt decides (P7), unless the turn was to stop.
 */
export async function serveTurn(session: TurnSession, turn: HeadTurn): Promise<Served> {
  const { agent, commits, ownership } = session;
  const next = nextAttempt(turn, session.attemptsAllowed, agent.lastExit);
  if (next.kind === 'fail') return closeTurn(session, turn, commits.unserved(turn, next.error, next.note));
  if (agent.isSpent()) await recycleAgent(session);
  const acquired = await agent.acquire();
  if (ownership.isLost) return lost;
  // The worker began to drain, or the session to close, while the agent was acquired. The turn stays as it is.
  if (!session.stays()) return again;
  if (acquired.kind === 'acquired') {
    const refusal = await acquired.agent.refusal(turn.request.prompt);
    if (refusal !== undefined) return closeTurn(session, turn, commits.unserved(turn, refusal));
    return begin(session, turn, acquired);
  }
  if (await session.leaveToOthers(turn.seq)) return { kind: 'elsewhere' };
  return closeTurn(session, turn, commits.unserved(turn, acquired.error));
}

/** Acquires the agent before any prompt, and tells the session's readers. */
export async function warmAgent({ agent, outbox, ownership, workerId }: TurnSession): Promise<void> {
  const acquired = await agent.acquire();
  if (ownership.isLost) return;
  outbox.event(
    acquired.kind === 'failed'
      ? { type: 'session.warm_failed', error: toErrorBody(acquired.error) }
      : { type: 'session.warmed', workerId, pid: acquired.agent.pid, warmth: acquired.warmth },
  );
  await outbox.flush();
}

async function begin(session: TurnSession, turn: HeadTurn, acquired: AcquiredAgent): Promise<Served> {
  const { outbox, commits, workerId } = session;
  const { seq, turnId } = turn;
  const { warmth } = acquired;
  const { pid } = acquired.agent;
  const attempt = turn.attempts + 1;
  if (attempt > 1) {
    const reason = 'the agent or the worker that served it was lost';
    outbox.event({ type: 'turn.restarted', seq, turnId, reason });
  }
  const begun = await outbox.begin(seq, { type: 'turn.started', seq, turnId, attempt, workerId, pid, warmth });
  switch (begun.kind) {
    case 'fenced':
      return lost;
    case 'not_head':
      // The turn was withdrawn, or another one went ahead, while the agent was acquired.
      return again;
    case 'expired':
      return closeTurn(session, turn, commits.unserved(turn, expiredError(turnId)));
    case 'interrupted':
      return closeTurn(session, turn, commits.unserved(turn, stoppedError()));
    case 'exhausted':
      // The script's own guard of the limit, which `nextAttempt` has checked on the same record.
      return closeTurn(session, turn, commits.unserved(turn, crashedError(turn, session.agent.lastExit)));
    case 'ok':
  }
  const running = new RunningTurn(turn, attempt, { workerId, pid, warmth });
  running.noteBegin(begun.queuedMs);
  const log = session.log.child({ seq, turnId, pid });
  log.info({ event: 'turn.started', attempt, warmth, queuedMs: begun.queuedMs }, 'turn started');
  return run({ ...session, log }, running, acquired);
}

async function run(
  session: TurnSession,
  running: RunningTurn,
  { agent, cutLines = 0 }: AcquiredAgent,
): Promise<Served> {
  const { outbox, commits } = session;
  const { seq, turn } = running;
  if (cutLines > 0) outbox.event({ type: 'status', seq, status: `transcript damaged: ${cutLines} lines cut` });
  const { prompt } = turn.request;
  // A note before a command would make it a text. The next prompt gets the note.
  const note = agent.isCommand(prompt) ? '' : commits.owedNote;
  const end = await session.agent.runPrompt(running, agent, withNote(prompt, note));
  switch (end.kind) {
    case 'answered': {
      // A turn stopped only because the worker ends goes to the next owner. One that a clock or a caller stopped is over.
      const { answer } = end;
      if (end.wasAbandoned && answer.stopped && session.agent.stopReason(seq) === undefined) return again;
      return commitAnswer(session, running, agent, answer);
    }
    case 'agent_gone':
      return agentGone(session, running, agent.claudeSessionId, end.exit);
    case 'session_lost':
      return lost;
  }
}

async function agentGone(
  session: TurnSession,
  running: RunningTurn,
  claudeSessionId: string,
  exit: AgentExit,
): Promise<Served> {
  const { agent, commits, outbox, log } = session;
  if (session.stays()) log.warn({ event: 'agent.lost', ...exit }, 'the agent was lost in mid-turn');
  await outbox.flush();
  // Served again, the turn would use up the memory again.
  const killed = exit.isOutOfMemory ? killedByKernelError() : undefined;
  const why: HearthError | undefined = agent.stopReason(running.seq) ?? killed;
  return why === undefined ? again : closeTurn(session, running, commits.stopped(running, why, claudeSessionId));
}

async function commitAnswer(
  session: TurnSession,
  running: RunningTurn,
  answering: Agent,
  said: AgentResult,
): Promise<Served> {
  const { agent, commits, log } = session;
  const isCommand = answering.isCommand(running.turn.request.prompt);
  // The CLI reports success for a command that was stopped half-way.
  const isCut = isCommand && agent.stopReason(running.seq) !== undefined;
  const answer: AgentResult = isCut ? { ...said, ok: false, stopped: true } : said;
  const claudeSessionId = answer.claudeSessionId ?? answering.claudeSessionId;
  if (answer.refusal?.kind === 'content') return cutRefused(session, running, answer, claudeSessionId);
  const durable = await agent.isInTranscript(answer);
  if (!durable)
    log.warn({ event: 'turn.not_durable' }, 'the transcript lacks the final message; the turn is not durable');
  const error = failureOf(answer, agent.stopReason(running.seq));
  const outcome = { error, durable, claudeSessionId };
  const note = isCommand ? commits.owedNote : '';
  const served = await closeTurn(session, running, commits.answered(running, answer, outcome, note));
  if (!durable) await agent.end('ask');
  else if (agent.isSpent()) await recycleAgent(session);
  return served;
}

/** Cuts a turn from the conversation, whose next agent resumes from before it. */
async function cutRefused(
  session: TurnSession,
  running: RunningTurn,
  answer: AgentResult,
  claudeSessionId: string,
): Promise<Served> {
  const { agent, commits } = session;
  // Before the commit, so that the agent's last lines are cut, too.
  await agent.end('ask');
  const outcome = { error: failureOf(answer, agent.stopReason(running.seq)), durable: true, claudeSessionId };
  return closeTurn(session, running, commits.refused(running, answer, outcome));
}

/** Closes a turn whose commit is in the outbox: transcript lines from now on belong to no turn. */
function closeTurn(session: TurnSession, { seq }: { seq: number }, committed: Promise<Committed>): Promise<Committed> {
  session.agent.closeTurn(seq);
  return committed;
}

/** Replaces the agent by one that resumes the conversation, so that the next turn finds it ready. */
async function recycleAgent(session: TurnSession): Promise<void> {
  const { agent, ownership, log } = session;
  log.info({ event: 'agent.recycled' }, 'replacing the agent by one that resumes');
  await agent.end('ask');
  if (!ownership.isLost && session.stays() && !ownership.claim.isSingleTurn) await agent.acquire();
}
