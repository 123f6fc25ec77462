import type { HearthEvent, TurnRequest, TurnResult, WorkerRecord } from '../../src/index.js';
import type { CommitInput } from '../../src/store/session-writer.js';

export const request = (prompt: string): TurnRequest => ({ prompt, onInterrupted: 'fail' });

export const textDelta = (seq: number, text: string): HearthEvent => ({
  type: 'text.delta',
  seq,
  messageId: 'msg_1',
  text,
});

export const started = (seq: number, turnId: string, workerId: string): HearthEvent => ({
  type: 'turn.started',
  seq,
  turnId,
  attempt: 1,
  workerId,
});

export const toolStarted = (seq: number, name: string): HearthEvent => ({
  type: 'tool.started',
  seq,
  toolUseId: 'toolu_1',
  name,
  input: '{}',
});

export function finishedResult(
  turn: { sessionId: string; turnId: string; seq: number },
  text = 'Done.',
): TurnResult & { status: 'finished' } {
  return {
    status: 'finished',
    ...turn,
    text,
    attempt: 1,
    costUsd: 0.25,
    tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
    workerId: 'w',
    durable: true,
    toolCount: 0,
    timings: { queuedMs: 1, toolsMs: 0, askedMs: 0, totalMs: 2 },
  };
}

/** A commit as a worker makes it. */
export function commitInput(
  turn: { sessionId: string; turnId: string; seq: number },
  more: Partial<CommitInput> = {},
): CommitInput {
  const result = more.result ?? finishedResult(turn);
  return {
    result,
    messages: [{ messageId: 'msg_1', role: 'assistant', content: [{ type: 'text', text: result.text }] }],
    claudeSessionId: 'claude-1',
    transcriptChunks: 0,
    note: '',
    event: { type: 'turn.finished', seq: turn.seq, turnId: turn.turnId, result },
    ...more,
  };
}

export const workerRecord = (workerId: string, workerNumber = 0): WorkerRecord => ({
  workerId,
  workerNumber,
  host: 'h',
  pid: 1,
  version: '0.1.0',
  startedAt: 1,
  state: 'serving',
  slots: { total: 1, spare: 1, busy: 0, idle: 0 },
  profiles: { default: 'ok' },
  launches: {},
  agents: [],
});
