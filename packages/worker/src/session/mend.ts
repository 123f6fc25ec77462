/** One line of the transcript, as far as its chain needs it. */
interface Entry {
  uuid?: unknown;
  parentUuid?: unknown;
}

/**
 * Cuts a transcript back to its last valid chain: what follows a line that is no JSON goes, and then every last entry whose ancestors
 * are not all there. `cut`: how many lines went.
 */
export function mendTranscript(content: string): { content: string; cut: number } {
  const lines = content.split('\n').filter((line) => line !== '');
  const entries = validEntries(lines);
  let end = entries.length;
  while (end > 0 && !isChained(entries.slice(0, end))) end -= 1;
  // Entries that are chained to nothing at all are of a kind we do not know: better whole than gone.
  const kept = end === 0 ? entries.length : end;
  const cut = lines.length - kept;
  return {
    content:
      cut === 0
        ? content
        : lines
            .slice(0, kept)
            .map((line) => `${line}\n`)
            .join(''),
    cut,
  };
}

function validEntries(lines: readonly string[]): Entry[] {
  const entries: Entry[] = [];
  for (const line of lines) {
    try {
      entries.push(JSON.parse(line) as Entry);
    } catch {
      return entries;
    }
  }
  return entries;
}

/** Whether the last entry that names itself leads back to one without a parent. */
function isChained(entries: readonly Entry[]): boolean {
  const parents = new Map(
    entries.filter(({ uuid }) => typeof uuid === 'string').map((one) => [one.uuid, one.parentUuid]),
  );
  const last = entries.findLast(({ uuid }) => typeof uuid === 'string');
  if (last === undefined) return true;
  const seen = new Set<unknown>();
  for (let at: unknown = last.uuid; typeof at === 'string'; at = parents.get(at)) {
    if (seen.has(at) || !parents.has(at)) return false;
    seen.add(at);
  }
  return true;
}
