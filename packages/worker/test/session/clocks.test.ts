import { describe, expect, test } from 'vitest';
import { overdue } from '../../src/session/clocks.js';
import { RunningTurn } from '../../src/session/running-turn.js';

const times = { firstEventTimeoutMs: 100, silenceTimeoutMs: 200, turnTimeoutMs: 1_000 };

describe('the clocks of a running turn', () => {
  test.each([
    [{ runningMs: 100, silentMs: 100, hasSpoken: false }, undefined],
    [{ runningMs: 101, silentMs: 101, hasSpoken: false }, 'first_event_timeout'],
    [{ runningMs: 500, silentMs: 200, hasSpoken: true }, undefined],
    [{ runningMs: 500, silentMs: 201, hasSpoken: true }, 'silence_timeout'],
    // A tool runs, or somebody is asked: no silence.
    [{ runningMs: 999, silentMs: 0, hasSpoken: true }, undefined],
    [{ runningMs: 1_001, silentMs: 0, hasSpoken: true }, 'turn_timeout'],
  ])('%j: %s', (standing, code) => {
    expect(overdue(standing, times)?.code).toBe(code);
  });

  test('name the field of the profile that says so', () => {
    expect(overdue({ runningMs: 2_000, silentMs: 0, hasSpoken: true }, times)).toMatchObject({
      field: 'turnTimeoutMs',
      wayOut: expect.stringContaining('turnTimeoutMs'),
    });
  });
});

test('a retry of the model API is a sign of life', () => {
  const turn = {
    sessionId: 's',
    turnId: 't',
    seq: 1,
    submittedAt: 0,
    state: 'running',
    attempts: 0,
    toolsReached: [],
  } as const;
  const request = { prompt: 'x', onInterrupted: 'fail' } as const;
  const ring = { queue: 'intake', jobId: 'r' } as const;
  const served = { workerId: 'w', pid: 1, warmth: 'hot' } as const;
  const hand = new RunningTurn({ ...turn, toolsReached: [], request, ring, isToStop: false }, 1, served);
  expect(hand.standing.hasSpoken).toBe(false);
  hand.toEvent({ kind: 'retry', attempt: 1, delayMs: 500, reason: '529' });
  expect(hand.standing.hasSpoken).toBe(true);
});
