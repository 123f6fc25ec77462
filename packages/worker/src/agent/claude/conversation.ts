import { fileOf, linesOf, parseEntry } from './transcript-entry.js';

/**
 * Keeps the lines of one conversation. After a `/clear` Claude begins another conversation under another id, and the earlier one is not
 * part of the transcript any more. Lines that name no conversation stay. The costs that an ended agent left do not stay, because a
 * resumed agent would count them again (2.1.329 writes them when an idle agent gets SIGTERM).
 *
 * @param files transcript file → its content
 * @returns undefined when nothing was said in that conversation yet, so there is nothing to resume
 */
export function conversationOf(
  files: ReadonlyMap<string, string>,
  claudeSessionId: string,
): Map<string, string> | undefined {
  const kept = new Map<string, string>();
  for (const [file, content] of files) {
    const lines = linesOf(content).filter((line) => !isLeftOut(line, claudeSessionId));
    if (lines.length > 0) kept.set(file, fileOf(lines));
  }
  return linesOf(kept.get('main') ?? '').some(isSaid) ? kept : undefined;
}

/** A damaged line counts, because it may have been an entry. The repair decides about it. */
function isSaid(line: string): boolean {
  const entry = parseEntry(line);
  return entry === undefined || entry.uuid !== undefined;
}

function isLeftOut(line: string, claudeSessionId: string): boolean {
  const entry = parseEntry(line);
  const isOfAnother = entry?.sessionId !== undefined && entry.sessionId !== claudeSessionId;
  return isOfAnother || entry?.type === 'cost-state';
}
