import type { PermissionAnswer, PermissionRequest } from '@hearth/shared';
import { cutText } from '@hearth/shared/text';

type Asked = Pick<PermissionRequest, 'name' | 'input' | 'suggestions'>;

/** One question of an AskUserQuestion. */
export interface Question {
  question: string;
  options: readonly { label: string; description?: string }[];
  multiSelect?: boolean;
}

/** A tool's input is cut to so many characters. */
const inputLength = 500;

/** Describes a request to a person: the tool and its input, or Claude's questions with their options. */
export function describeRequest(request: Asked): string {
  const questions = questionsOf(request);
  if (questions.length > 0) return questions.map(describeQuestion).join('\n');
  const input = JSON.stringify(request.input) ?? '';
  return `${request.name} ${cutText(input, inputLength)}`;
}

function describeQuestion({ question, options, multiSelect }: Question): string {
  const lines = options.map(
    ({ label, description }, at) => `  ${at + 1} ${label}${description ? ` – ${description}` : ''}`,
  );
  return [`${question}${multiSelect ? ' (several: 1,2)' : ''}`, ...lines].join('\n');
}

/** The questions of an AskUserQuestion. Empty for any other tool. */
export function questionsOf({ name, input }: Asked): readonly Question[] {
  if (name !== 'AskUserQuestion') return [];
  const { questions } = input as { questions?: readonly Question[] };
  return questions ?? [];
}

/** The possible answers, in one line. */
export function choicesOf({ suggestions }: Asked): string {
  const always = suggestions.length === 0 ? '' : ' · a always';
  return `y allow · n deny${always} · s deny and stop`;
}

/** Parses a typed answer. Undefined: it is none of the offered ones. */
export function answerFrom(line: string, { suggestions }: Asked): PermissionAnswer | undefined {
  switch (line.trim().toLowerCase()) {
    case 'y':
    case 'yes':
      return { decision: 'allow' };
    case 'a':
      if (suggestions.length === 0) return undefined;
      return { decision: 'allow', suggestions: suggestions.map((_, at) => at) };
    case 'n':
    case 'no':
      return { decision: 'deny', message: 'The user does not want this.' };
    case 's':
      return { decision: 'deny', endTurn: true };
    default:
      return undefined;
  }
}

/** Parses the answer to one question: numbers of options, or free text. Undefined: an empty line. */
export function replyFrom(line: string, { options, multiSelect }: Question): string | undefined {
  const text = line.trim();
  if (!/^\d+(\s*,\s*\d+)*$/.test(text)) return text === '' ? undefined : text;
  const labels = text.split(',').map((number) => options[Number(number) - 1]?.label);
  if (labels.includes(undefined) || (labels.length > 1 && multiSelect !== true)) return undefined;
  return labels.join(', ');
}
