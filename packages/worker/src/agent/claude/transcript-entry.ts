/** One line of a transcript, as far as Hearth uses it. */
export interface TranscriptEntry {
  type: string | undefined;
  /** Id of an entry of the conversation. Other lines (summaries, snapshots) have none. */
  uuid: string | undefined;
  parentUuid: string | undefined;
  /** Claude's id of the conversation that the line belongs to. */
  sessionId: string | undefined;
}

/** Parses one line of a transcript. Undefined: it is not a JSON object. */
export function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The fields of a line that Hearth uses. Undefined: it is not a JSON object. */
export function parseEntry(line: string): TranscriptEntry | undefined {
  const value = parseObject(line);
  if (value === undefined) return undefined;
  const text = (field: string): string | undefined => {
    const content = value[field];
    return typeof content === 'string' ? content : undefined;
  };
  return { type: text('type'), uuid: text('uuid'), parentUuid: text('parentUuid'), sessionId: text('sessionId') };
}

/** The lines of a transcript file. */
export const linesOf = (content: string): string[] => content.split('\n').filter((line) => line !== '');

/** A transcript file of these lines. */
export const fileOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
