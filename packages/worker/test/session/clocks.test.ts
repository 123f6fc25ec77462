import { describe, expect, test } from 'vitest';
import { overdue } from '../../src/session/clocks.js';

const times = { firstEventTimeoutMs: 100, silenceTimeoutMs: 200, turnTimeoutMs: 1_000, maxBudgetUsd: 2 };

describe('the clocks of a running turn', () => {
  test.each([
    [{ runningMs: 100, silentMs: 100, hasSpoken: false }, undefined],
    [{ runningMs: 101, silentMs: 101, hasSpoken: false }, 'first_event_timeout'],
    [{ runningMs: 500, silentMs: 200, hasSpoken: true }, undefined],
    [{ runningMs: 500, silentMs: 201, hasSpoken: true }, 'silence_timeout'],
    // A tool runs, or a person is asked, so there is no silence.
    [{ runningMs: 999, silentMs: 0, hasSpoken: true }, undefined],
    [{ runningMs: 1_001, silentMs: 0, hasSpoken: true }, 'turn_timeout'],
    [{ runningMs: 10, silentMs: 0, hasSpoken: true, costUsd: 2 }, undefined],
    [{ runningMs: 10, silentMs: 0, hasSpoken: true, costUsd: 2.01 }, 'budget_exceeded'],
  ])('%j: %s', (progress, code) => {
    expect(overdue({ costUsd: 0, ...progress }, times)?.code).toBe(code);
  });

  test('name the field of the profile in the error', () => {
    expect(overdue({ runningMs: 2_000, silentMs: 0, hasSpoken: true, costUsd: 0 }, times)).toMatchObject({
      field: 'turnTimeoutMs',
      wayOut: expect.stringContaining('turnTimeoutMs'),
    });
  });
});
