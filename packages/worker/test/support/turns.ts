import type { Claim, HeadTurn } from '@hearth/shared/internal';
import { RunningTurn } from '../../src/session/running-turn.js';

/** A turn at the head of the log of session `s`, begun once. */
export const headTurn = (fields: Partial<HeadTurn> = {}): HeadTurn => ({
  sessionId: 's',
  turnId: `t${fields.seq ?? 1}`,
  seq: 1,
  submittedAt: 0,
  state: 'running',
  attempts: 0,
  toolsReached: [],
  request: { prompt: 'x', onInterrupted: 'fail' },
  ring: { queue: 'intake', jobId: 'r' },
  isToStop: false,
  ...fields,
});

export const runningTurn = (seq = 1): RunningTurn =>
  new RunningTurn(headTurn({ seq }), 1, { workerId: 'w', pid: 1, warmth: 'hot' });

/** A claim of a session without a conversation. */
export const claimOf = (fields: Partial<Claim> = {}): Claim => ({
  fence: '1.abc',
  batch: 0,
  incarnation: 'i',
  claudeSessionId: undefined,
  transcriptChunks: 0,
  profile: 'default',
  note: '',
  isSingleTurn: false,
  ...fields,
});
