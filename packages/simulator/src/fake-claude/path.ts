import { fileURLToPath } from 'node:url';

/** The path of the stand-in, for `HEARTH_CLAUDE_PATH`. */
export const fakeClaudePath = (): string => fileURLToPath(new URL('../../bin/fake-claude.js', import.meta.url));
