/** What a line of a transcript says of the conversation it is part of. */
interface Entry {
  uuid?: unknown;
  sessionId?: unknown;
}

/**
 * What a session's transcript holds of one conversation: after a `/clear` Claude begins another, under another id, and what was said
 * before it is no part of the past any more. Lines that name no conversation stay.
 *
 * @returns undefined when nothing was said in it yet: there is nothing to resume
 */
export function conversationOf(
  files: ReadonlyMap<string, string>,
  claudeSessionId: string,
): Map<string, string> | undefined {
  const kept = new Map<string, string>();
  for (const [file, content] of files) {
    const lines = content.split('\n').filter((line) => line !== '' && !isOfAnother(line, claudeSessionId));
    if (lines.length > 0) kept.set(file, lines.map((line) => `${line}\n`).join(''));
  }
  const main = kept.get('main')?.split('\n') ?? [];
  return main.some((line) => line !== '' && isSaid(line)) ? kept : undefined;
}

/** A damaged line is nobody's, and may have been anything: whoever mends the past sees to it. */
function isSaid(line: string): boolean {
  const entry = entryOf(line);
  return entry === undefined || entry.uuid !== undefined;
}

function isOfAnother(line: string, claudeSessionId: string): boolean {
  const sessionId = entryOf(line)?.sessionId;
  return typeof sessionId === 'string' && sessionId !== claudeSessionId;
}

function entryOf(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
