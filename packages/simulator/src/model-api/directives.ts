/**
 * The script language of the simulated model: directives in double square brackets, anywhere in a prompt or in a scenario's
 * steps. The rest of the prompt is its text.
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
 *
 * fake-claude knows more directives (see fake-claude/hazards.ts), which it takes by `others`.
 */
import { isHazardName } from '../hazard-names.js';
import { bytes, count, DirectiveError, fieldsOf, milliseconds, times } from './fields.js';

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

/** Takes a directive that is not in the list above, or refuses it. @throws DirectiveError */
export type OtherDirectives = (word: string, directive: string, argument: string) => boolean;

const opening = '[[';
const closing = ']]';

/** @throws DirectiveError */
export function parseDirectives(text: string, others?: OtherDirectives): Directives {
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
    apply(found, text.slice(start + opening.length, end).trim(), others);
    at = end + closing.length;
  }
  found.rest = (rest + text.slice(at)).replace(/[ \t]+/g, ' ').trim();
  return found;
}

/** The JSON of a tool may contain "]]". Its end is the first one after which the input parses. */
function endOfDirective(text: string, start: number): number {
  const first = text.indexOf(closing, start);
  if (first === -1) throw new DirectiveError(text.slice(start, start + 40), `a closing ${closing}`);
  const isTool = /^\s*tool\s/.test(text.slice(start, first));
  for (let end = first; isTool && end !== -1; end = text.indexOf(closing, end + 1)) {
    if (toolOf(text.slice(start, end)) !== undefined) return end;
  }
  return first;
}

function apply(found: Directives, directive: string, others: OtherDirectives | undefined): void {
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
    case 'error':
      found.error = errorOf(directive, argument);
      return;
    case 'cut': {
      const fields = fieldsOf(directive, argument, ['after', 'times']);
      found.cut = {
        after: fields['after'] === undefined ? 1 : count(directive, fields['after']),
        times: times(directive, fields['times']),
      };
      return;
    }
    default:
      if (others?.(word, directive, argument)) return;
      throw new DirectiveError(
        directive,
        others === undefined && isHazardName(word)
          ? 'one that a model can play; this one only fake-claude can'
          : 'one of say, thinking, tool, parallel, large, delay, stream, error, cut, hang',
      );
  }
}

function errorOf(directive: string, argument: string): Directives['error'] {
  const [status = '', ...more] = argument.split(/\s+/);
  if (!/^[45]\d\d$/.test(status)) throw new DirectiveError(directive, 'error STATUS [times=N], STATUS from 400 to 599');
  const fields = fieldsOf(directive, more.join(' '), ['times']);
  return { status: Number(status), times: times(directive, fields['times']) };
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

/** The user's text without directives. A directive that does not parse is reported in the answer to its own prompt. */
export function spoken(said: readonly string[], others?: OtherDirectives): string[] {
  return said.map((text) => {
    try {
      return parseDirectives(text, others).rest;
    } catch {
      return text;
    }
  });
}
