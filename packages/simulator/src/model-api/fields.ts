/** A directive that does not parse. The message says which, what was expected and what it got. */
export class DirectiveError extends Error {
  override readonly name = 'DirectiveError';
  readonly code = 'invalid_directive';

  constructor(
    readonly directive: string,
    readonly expected: string,
  ) {
    super(`[[${directive}]]: expected ${expected}`);
  }
}

/** Parses the `name=value` fields of a directive. @throws DirectiveError */
export function fieldsOf(
  directive: string,
  argument: string,
  allowed: readonly string[],
): Record<string, string | undefined> {
  const fields: Record<string, string> = {};
  for (const part of argument.split(/\s+/).filter(Boolean)) {
    const [name = '', value] = part.split('=');
    if (value === undefined || !allowed.includes(name)) {
      const expected = allowed.length === 0 ? 'nothing after its name' : allowed.map((field) => `${field}=…`).join(' ');
      throw new DirectiveError(directive, allowed.length === 0 ? expected : `fields ${expected}`);
    }
    fields[name] = value;
  }
  return fields;
}

/** Parses a number of times. Absent: always. @throws DirectiveError */
export function times(directive: string, text: string | undefined): number {
  return text === undefined ? Number.POSITIVE_INFINITY : count(directive, text);
}

/** @throws DirectiveError */
export function count(directive: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new DirectiveError(directive, 'a whole number');
  return Number(text);
}

/** @throws DirectiveError */
export function milliseconds(directive: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  if (match === null) throw new DirectiveError(directive, 'a time such as 500ms or 2s');
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}

/** @throws DirectiveError */
export function bytes(directive: string, text: string): number {
  const match = /^(\d+)(B|KB|MB)$/.exec(text);
  if (match === null) throw new DirectiveError(directive, 'a size such as 500KB or 1MB');
  return Number(match[1]) * { B: 1, KB: 1024, MB: 1024 * 1024 }[match[2] as 'B' | 'KB' | 'MB'];
}
