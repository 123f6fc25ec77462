/** Server options that lose no accepted turn: an append-only file, and no eviction. */
export const policy = ['--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'] as const;

/** Redis writes its title over its environment. The marks in there must stay readable. */
export const readableEnvironment = ['--set-proc-title', 'no'] as const;

/** How long a server may take to answer, or to end, ms. It was seen to answer after 25. */
export const deadlineMs = 15_000;
export const lookEveryMs = 10;
