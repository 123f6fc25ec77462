import type { Rule } from '../history.js';

/** After the workers ended, no process of theirs is left. */
export const nothingLeft: Rule = (history) =>
  history.all('left').map(({ what, at }) => ({ rule: 'no process left', at, what }));

/** A fault without an effect tests nothing: every kind that was played had one. */
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
