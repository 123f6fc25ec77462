/** One line of the transcript, as far as its chain needs it. */
interface Entry {
  line: string;
  /** Which line of the transcript it is. */
  at: number;
  uuid: string | undefined;
  parent: string | undefined;
}

/**
 * Cuts a transcript back to its last valid chain: lines that are no JSON go, and entries whose ancestors are not all there. What was
 * lost before is passed over: once a session has gone on from before the damage, its new entries hang together without it.
 *
 * @returns `cut`: how many lines were lost at the end, so that the session goes on from before them
 */
export function mendTranscript(content: string): { content: string; cut: number } {
  const lines = content.split('\n').filter((line) => line !== '');
  const entries = lines.flatMap(entryOf);
  const isRooted = rootedness(entries);
  const kept = entries.filter(({ uuid }) => uuid === undefined || isRooted(uuid));
  const last = kept.findLast(({ uuid }) => uuid !== undefined);
  // Entries that are chained to nothing at all are of a kind we do not know: better whole than gone.
  if (last === undefined) return { content: whole(entries), cut: lines.length - entries.length };
  const after = (entry: Entry): boolean => entry.at > last.at;
  return {
    content: kept.length === lines.length ? content : whole(kept),
    cut: lines.length - 1 - last.at - kept.filter(after).length,
  };
}

/** Mends each file of a past. `cut`: how many lines were lost at their ends. */
export function repairTranscript(files: ReadonlyMap<string, string>): { files: Map<string, string>; cut: number } {
  const mended = new Map<string, string>();
  let cut = 0;
  for (const [file, content] of files) {
    const one = mendTranscript(content);
    mended.set(file, one.content);
    cut += one.cut;
  }
  return { files: mended, cut };
}

const whole = (entries: readonly Entry[]): string => entries.map(({ line }) => `${line}\n`).join('');

function entryOf(line: string, at: number): Entry[] {
  try {
    const { uuid, parentUuid } = JSON.parse(line) as { uuid?: unknown; parentUuid?: unknown };
    const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
    return [{ line, at, uuid: text(uuid), parent: text(parentUuid) }];
  } catch {
    return [];
  }
}

/** Whether an entry leads back to one without a parent. Each entry is walked over once. */
function rootedness(entries: readonly Entry[]): (uuid: string) => boolean {
  const parents = new Map(entries.flatMap(({ uuid, parent }) => (uuid === undefined ? [] : [[uuid, parent] as const])));
  const known = new Map<string, boolean>();
  return (uuid) => {
    const path: string[] = [];
    let at: string | undefined = uuid;
    // What is being walked over is rooted in nothing until a root is found: so a circle ends.
    for (; at !== undefined && parents.has(at) && !known.has(at); at = parents.get(at)) {
      known.set(at, false);
      path.push(at);
    }
    const found = at === undefined || known.get(at) === true;
    for (const walked of path) known.set(walked, found);
    return found;
  };
}
