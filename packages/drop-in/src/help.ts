import { knownFlags } from './known-flags.js';

/** The output of `--help`. */
export function help(): string {
  const names = (kind: string): string =>
    [
      ...new Set([...knownFlags.values()].filter(({ meaning }) => meaning.kind === kind).map(({ usage }) => usage)),
    ].join('\n  ');
  return `Usage: hearth-claude -p [options] [prompt]

Answers like \`claude -p\`, through a Hearth cluster (REDIS_URL, or a running \`hearth up\`): a warm agent instead of a new process.

Options:
  ${names('ours')}

Accepted without effect:
  ${names('ignored')}

Accepted when they say what the profile says (else put them there):
  ${names('field')}
  ${names('extraArgs')}

Environment:
  HEARTH_CLAUDE_PROFILE      the profile of new sessions (default: default); --model chooses one by name or by its model
  HEARTH_CLAUDE_NAME         under which name --continue looks for its session (default: the current folder)
  HEARTH_CLAUDE_PERMISSIONS  deny (default): like claude -p; wait: another process answers, see hearth answer
  HEARTH_CLAUDE_FALLBACK     1: without a cluster, run the real claude`;
}
