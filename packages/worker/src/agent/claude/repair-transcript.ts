import { fileOf, linesOf, parseEntry } from './transcript-entry.js';

interface ParsedLine {
  line: string;
  /** Index of the line in the file. */
  at: number;
  uuid: string | undefined;
  parentUuid: string | undefined;
}

/**
 * Cuts a transcript file back to its last valid chain: drops lines that are not JSON, and entries without all their ancestors. Earlier
 * damage is skipped, because the entries of a session that continued from before the damage form a chain without it.
 *
 * @returns `cutLines`: how many lines were lost at the end, so that the session continues from before them
 */
export function repairFile(content: string): { content: string; cutLines: number } {
  const lines = linesOf(content);
  const entries = lines.flatMap((line, at): ParsedLine[] => {
    const entry = parseEntry(line);
    return entry === undefined ? [] : [{ line, at, uuid: entry.uuid, parentUuid: entry.parentUuid }];
  });
  const isRooted = rootedness(entries);
  const kept = entries.filter(({ uuid }) => uuid === undefined || isRooted(uuid));
  const last = kept.findLast(({ uuid }) => uuid !== undefined);
  // Entries without any chain are of an unknown kind, so they are kept.
  if (last === undefined) return { content: contentOf(entries), cutLines: lines.length - entries.length };
  const keptAfter = kept.filter(({ at }) => at > last.at).length;
  return {
    content: kept.length === lines.length ? content : contentOf(kept),
    cutLines: lines.length - 1 - last.at - keptAfter,
  };
}

/** Repairs each file of a transcript. `cutLines`: how many lines were lost at the ends of the files. */
export function repairTranscript(files: ReadonlyMap<string, string>): { files: Map<string, string>; cutLines: number } {
  const repaired = new Map<string, string>();
  let cutLines = 0;
  for (const [file, content] of files) {
    const one = repairFile(content);
    repaired.set(file, one.content);
    cutLines += one.cutLines;
  }
  return { files: repaired, cutLines };
}

const contentOf = (entries: readonly ParsedLine[]): string => fileOf(entries.map(({ line }) => line));

/** Whether an entry leads back to an entry without a parent. Each entry is visited once. */
function rootedness(entries: readonly ParsedLine[]): (uuid: string) => boolean {
  const parents = new Map(
    entries.flatMap(({ uuid, parentUuid }) => (uuid === undefined ? [] : [[uuid, parentUuid] as const])),
  );
  const known = new Map<string, boolean>();
  return (uuid) => {
    const path: string[] = [];
    let at: string | undefined = uuid;
    // An entry on the path counts as not rooted until a root is found, so a cycle ends.
    for (; at !== undefined && parents.has(at) && !known.has(at); at = parents.get(at)) {
      known.set(at, false);
      path.push(at);
    }
    const found = at === undefined || known.get(at) === true;
    for (const visited of path) known.set(visited, found);
    return found;
  };
}
