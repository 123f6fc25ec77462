import { describeError, toErrorBody } from '@hearth/shared';
import { drained } from '@hearth/shared/program-end';

/** Where a command prints: data on stdout, everything else on stderr. */
export interface Output {
  readonly json: boolean;
  /** Prints one JSON value per line, only with `--json`. */
  value(value: object): void;
  /** Prints a line for people on stdout, not with `--json`. */
  line(text: string): void;
  /** Prints text for people on stdout without a line break, not with `--json`. */
  write(text: string): void;
  /** Prints a note on stderr. */
  note(text: string): void;
  error(error: unknown): void;
  /** Resolves when the readers have kept up. A command waits for that after each part of a stream. */
  drained(): Promise<void>;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    value: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
    line: (text) => {
      if (!json) process.stdout.write(`${text}\n`);
    },
    write: (text) => {
      if (!json) process.stdout.write(text);
    },
    note: (text) => {
      process.stderr.write(`${text}\n`);
    },
    error: (error) => {
      const body = toErrorBody(error);
      if (json) process.stdout.write(`${JSON.stringify({ kind: 'error', ...body })}\n`);
      process.stderr.write(`${style.red('error')} ${describeError(body)}\n`);
    },
    drained,
  };
}

const coloured = process.stderr.isTTY && !process.env['NO_COLOR'];
const paint = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);

/** Colours on a terminal; plain text elsewhere. */
export const style = {
  bold: paint(1),
  dim: paint(2),
  red: paint(31),
  green: paint(32),
  yellow: paint(33),
  cyan: paint(36),
};

/** Rows as aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A time in the past, in words. */
export function ago(at: number, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)}h ago`;
  return `${Math.round(seconds / 86_400)}d ago`;
}
