/**
 * The script language of the simulated model: directives in double square brackets, anywhere in a prompt or in a scenario's
 * steps. What is left of the prompt without them is what the model was told.
 *
 *   [[say TEXT]]                      answer exactly TEXT
 *   [[thinking TEXT]]                 think TEXT first (repeatable)
 *   [[tool NAME {JSON}]]              use a tool with that input, then go on (repeatable: one after the other)
 *   [[parallel]]                      all tools of the prompt in one message
 *   [[large 1MB]]                     answer that much deterministic text (B, KB, MB)
 *   [[delay 500ms]]                   wait before the first byte (ms, s)
 *   [[stream chunks=20 every=50ms]]   answer in so many pieces, so far apart
 *   [[error 529 times=2]]             fail with that HTTP status, so many times for this prompt (default: always)
 *   [[cut after=3 times=1]]           cut the connection after so many pieces of text
 *   [[hang]]                          never answer
 */
export interface ToolUse {
  name: string;
  input: object;
}

export interface Directives {
  say: string | undefined;
  thinking: string[];
  tools: ToolUse[];
  parallel: boolean;
  largeBytes: number | undefined;
  delayMs: number;
  chunks: number | undefined;
  everyMs: number;
  error: { status: number; times: number } | undefined;
  cut: { after: number; times: number } | undefined;
  hang: boolean;
  /** The prompt without its directives. */
  rest: string;
}

/** A directive that does not parse: says which, what was expected and what it got. */
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

const opening = '[[';
const closing = ']]';

/** @throws DirectiveError */
export function parseDirectives(text: string): Directives {
  const found: Directives = {
    say: undefined,
    thinking: [],
    tools: [],
    parallel: false,
    largeBytes: undefined,
    delayMs: 0,
    chunks: undefined,
    everyMs: 0,
    error: undefined,
    cut: undefined,
    hang: false,
    rest: '',
  };
  let at = 0;
  let rest = '';
  for (let start = text.indexOf(opening); start !== -1; start = text.indexOf(opening, at)) {
    rest += text.slice(at, start);
    const end = endOfDirective(text, start + opening.length);
    apply(found, text.slice(start + opening.length, end).trim());
    at = end + closing.length;
  }
  found.rest = (rest + text.slice(at)).replace(/[ \t]+/g, ' ').trim();
  return found;
}

/** The JSON of a tool may hold "]]" itself: the end is the first one after which the input parses. */
function endOfDirective(text: string, start: number): number {
  const first = text.indexOf(closing, start);
  if (first === -1) throw new DirectiveError(text.slice(start, start + 40), `a closing ${closing}`);
  const isTool = /^\s*tool\s/.test(text.slice(start, first));
  for (let end = first; isTool && end !== -1; end = text.indexOf(closing, end + 1)) {
    if (toolOf(text.slice(start, end)) !== undefined) return end;
  }
  return first;
}

function apply(found: Directives, directive: string): void {
  const [word = ''] = directive.split(/\s/, 1);
  const argument = directive.slice(word.length).trim();
  switch (word) {
    case 'say':
      found.say = argument;
      return;
    case 'thinking':
      found.thinking.push(argument);
      return;
    case 'parallel':
      found.parallel = true;
      return;
    case 'hang':
      found.hang = true;
      return;
    case 'tool': {
      const tool = toolOf(directive);
      if (tool === undefined) throw new DirectiveError(directive, 'tool NAME {"json": "object"}');
      found.tools.push(tool);
      return;
    }
    case 'large':
      found.largeBytes = bytes(directive, argument);
      return;
    case 'delay':
      found.delayMs = milliseconds(directive, argument);
      return;
    case 'stream': {
      const fields = fieldsOf(directive, argument, ['chunks', 'every']);
      found.chunks = fields['chunks'] === undefined ? undefined : count(directive, fields['chunks']);
      found.everyMs = fields['every'] === undefined ? 0 : milliseconds(directive, fields['every']);
      return;
    }
    case 'error': {
      const [status = '', ...others] = argument.split(/\s+/);
      if (!/^[45]\d\d$/.test(status))
        throw new DirectiveError(directive, 'error STATUS [times=N], STATUS from 400 to 599');
      found.error = { status: Number(status), times: times(directive, others.join(' ')) };
      return;
    }
    case 'cut': {
      const fields = fieldsOf(directive, argument, ['after', 'times']);
      found.cut = {
        after: fields['after'] === undefined ? 1 : count(directive, fields['after']),
        times: fields['times'] === undefined ? Number.POSITIVE_INFINITY : count(directive, fields['times']),
      };
      return;
    }
    default:
      throw new DirectiveError(
        directive,
        'one of say, thinking, tool, parallel, large, delay, stream, error, cut, hang',
      );
  }
}

function toolOf(directive: string): ToolUse | undefined {
  const match = /^\s*tool\s+(\S+)\s+(\{[\s\S]*\})\s*$/.exec(directive);
  try {
    const input: unknown = JSON.parse(match?.[2] ?? '');
    return typeof input === 'object' && input !== null && match?.[1] !== undefined
      ? { name: match[1], input }
      : undefined;
  } catch {
    return undefined;
  }
}

function fieldsOf(directive: string, argument: string, allowed: readonly string[]): Record<string, string | undefined> {
  const fields: Record<string, string> = {};
  for (const part of argument.split(/\s+/).filter(Boolean)) {
    const [name = '', value] = part.split('=');
    if (value === undefined || !allowed.includes(name))
      throw new DirectiveError(directive, `fields ${allowed.map((field) => `${field}=…`).join(' ')}`);
    fields[name] = value;
  }
  return fields;
}

function times(directive: string, argument: string): number {
  const field = fieldsOf(directive, argument, ['times'])['times'];
  return field === undefined ? Number.POSITIVE_INFINITY : count(directive, field);
}

function count(directive: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new DirectiveError(directive, 'a whole number');
  return Number(text);
}

function milliseconds(directive: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  if (match === null) throw new DirectiveError(directive, 'a time such as 500ms or 2s');
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}

function bytes(directive: string, text: string): number {
  const match = /^(\d+)(B|KB|MB)$/.exec(text);
  if (match === null) throw new DirectiveError(directive, 'a size such as 500KB or 1MB');
  return Number(match[1]) * { B: 1, KB: 1024, MB: 1024 * 1024 }[match[2] as 'B' | 'KB' | 'MB'];
}
