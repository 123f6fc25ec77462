import { History, type Rule, type Violation } from './history.js';
import type { HistoryRecord } from './records.js';
import { everyCallerIsTold, notBeforeDue, nothingLost, oneCommit } from './rules/acceptance.js';
import { fromATurn, oncePerTurn, oneAgent, underLease } from './rules/effects.js';
import { asItsAgentWas, forAReason } from './rules/endings.js';
import { inOrder } from './rules/order.js';
import { atHome, noOldFence } from './rules/ownership.js';
import { completeViews } from './rules/readers.js';
import { hadEffect, nothingLeft } from './rules/run.js';
import { inTime, type Takeover, takeovers } from './rules/takeover.js';

const rules: readonly Rule[] = [
  nothingLost,
  everyCallerIsTold,
  oneCommit,
  asItsAgentWas,
  forAReason,
  notBeforeDue,
  inOrder,
  oneAgent,
  noOldFence,
  underLease,
  fromATurn,
  oncePerTurn,
  completeViews,
  atHome,
  inTime,
  nothingLeft,
  hadEffect,
];

export interface Verdict {
  violations: Violation[];
  turns: number;
  faults: Record<string, number>;
  /** The number of effects per kind of fault. */
  effects: Record<string, number>;
  takeovers: number;
  /** Takeovers during which no other fault interfered, so that they were checked against the unmodified bound. */
  strictTakeovers: number;
  /** All takeovers. */
  taken: readonly Takeover[];
  /** From the death of an owner to the next turn of its session, in ms. */
  takeoverMs: { p50: number; p99: number; max: number } | null;
}

/** Checks a history against the promises. Depends on nothing of the product except the meaning of its events. */
export function check(records: readonly HistoryRecord[]): Verdict {
  const history = new History(records);
  const all = takeovers(history);
  const times = all.flatMap(({ diedAt, acceptedAt, servedAt }) =>
    servedAt === undefined ? [] : [servedAt - Math.max(diedAt, acceptedAt)],
  );
  const faults: Record<string, number> = {};
  const effects: Record<string, number> = {};
  for (const { what, did } of history.all('fault')) {
    faults[what] = (faults[what] ?? 0) + 1;
    effects[what] = (effects[what] ?? 0) + did;
  }
  return {
    violations: eachOnce(rules.flatMap((rule) => rule(history))).sort((a, b) => a.at - b.at),
    turns: history.all('accepted').length,
    faults,
    effects,
    taken: all,
    strictTakeovers: all.filter(({ isStrict, servedAt }) => isStrict && servedAt !== undefined).length,
    takeovers: times.length,
    takeoverMs: percentiles(times),
  };
}

/** A violation before a rollback of Redis is one on both lines of history. */
const eachOnce = (violations: readonly Violation[]): Violation[] => [
  ...new Map(violations.map((violation) => [JSON.stringify(violation), violation])).values(),
];

function percentiles(times: readonly number[]): Verdict['takeoverMs'] {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0);
  return sorted.length === 0 ? null : { p50: at(0.5), p99: at(0.99), max: at(1) };
}
