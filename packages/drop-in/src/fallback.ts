import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findClaude } from '@hearth/worker/internal';

/** Runs the real claude instead, and resolves with its exit code. */
export async function runRealClaude(argv: readonly string[]): Promise<number> {
  const { path } = findClaude(process.env['HEARTH_CLAUDE_PATH'] || undefined);
  // If that is hearth-claude again (a link on PATH), the empty variable ends the recursion.
  const env = { ...process.env, HEARTH_CLAUDE_FALLBACK: '' };
  const child = spawn(path, argv, { stdio: 'inherit', env });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
