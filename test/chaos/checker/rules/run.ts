import type { Rule } from '../history.js';

/** When its workers have ended, nothing is left of them. */
export const nothingLeft: Rule = (history) =>
  history.all('left').map(({ what, at }) => ({ rule: 'no process left', at, what }));

/** A fault that never has an effect tests nothing: of each kind that was played, one had. */
export const hadEffect: Rule = (history) => {
  const faults = history.all('fault');
  const effective = new Set(faults.flatMap(({ what, did }) => (did > 0 ? [what] : [])));
  const idle = new Map(faults.filter(({ what }) => !effective.has(what)).map((fault) => [fault.what, fault]));
  return [...idle.values()].map(({ what, at }) => ({
    rule: 'faults have effects',
    at,
    what: `"${what}" was played and did nothing`,
  }));
};
