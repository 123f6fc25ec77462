/** Directives that only fake-claude can play, because they are about the process and not the model. The model API refuses them by name. */
const hazardNames = [
  'argv',
  'env',
  'crash',
  'no-result',
  'first-part-result',
  'second-result',
  'late-result',
  'result-first',
  'unmirrored',
  'stall',
  'mute',
  'deaf',
  'permission-dead',
  'grow',
  'orphan',
  'line',
  'split',
  'half',
  'stderr',
  'garbage',
  'usage-limit',
  'merge',
  'continue-on-resume',
] as const;
export type HazardName = (typeof hazardNames)[number];

export const isHazardName = (word: string): word is HazardName => (hazardNames as readonly string[]).includes(word);
