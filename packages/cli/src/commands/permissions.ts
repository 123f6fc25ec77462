import { HearthError, type PermissionAnswer } from '@hearth/shared';
import { describeRequest } from '../terminal/permission-question.js';
import { type CommonOptions, type Context, withProducer } from './context.js';

export interface AnswerOptions extends CommonOptions {
  allow?: boolean;
  input?: string;
  suggestion?: string[];
  deny?: boolean;
  message?: string;
  endTurn?: boolean;
}

/** `hearth permissions <session>`: lists waiting permission requests, the oldest first. */
export async function permissions(sessionId: string, options: CommonOptions, { out }: Context): Promise<number> {
  return withProducer(options, async (producer) => {
    const waiting = await producer.session(sessionId).permissions();
    for (const request of waiting) {
      out.value(request);
      out.line(`${request.requestId}\n${describeRequest(request).replace(/^/gm, '  ')}`);
    }
    if (waiting.length === 0) out.line(`no permission request waits in session ${sessionId}`);
    return 0;
  });
}

/** `hearth answer <session> <requestId> --allow | --deny`: answers one request. The first answer counts. */
export async function answer(
  sessionId: string,
  requestId: string,
  options: AnswerOptions,
  { out }: Context,
): Promise<number> {
  const given = answerOf(options);
  return withProducer(options, async (producer) => {
    await producer.session(sessionId).answer(requestId, given);
    out.value({ kind: 'answered', sessionId, requestId, decision: given.decision });
    out.line(given.decision === 'allow' ? 'allowed' : 'denied');
    return 0;
  });
}

/** Checks the flags. The library checks the answer itself. @throws HearthError `invalid_answer` */
function answerOf({ allow, deny, input, suggestion, message, endTurn }: AnswerOptions): PermissionAnswer {
  if (allow === deny)
    throw invalid('--allow', 'one of --allow and --deny', 'Say which: hearth answer <session> <requestId> --allow');
  const ofDeny = message !== undefined || endTurn !== undefined;
  const ofAllow = input !== undefined || suggestion !== undefined;
  if (allow && ofDeny) throw invalid('--allow', 'no --message and no --end-turn beside it', 'They go with --deny.');
  if (deny && ofAllow) throw invalid('--deny', 'no --input and no --suggestion beside it', 'They go with --allow.');
  if (deny) return { decision: 'deny', message, endTurn };
  return {
    decision: 'allow',
    ...(input === undefined ? {} : { input: parseInputOption(input) }),
    ...(suggestion === undefined ? {} : { suggestions: suggestion.map(Number) }),
  };
}

function parseInputOption(text: string): Extract<PermissionAnswer, { decision: 'allow' }>['input'] {
  try {
    return JSON.parse(text) as Extract<PermissionAnswer, { decision: 'allow' }>['input'];
  } catch {
    throw invalid('--input', 'JSON: the whole input of the tool', 'See its input: hearth permissions <session> --json');
  }
}

const invalid = (field: string, expected: string, wayOut: string): HearthError =>
  new HearthError('invalid_answer', `${field} is not acceptable.`, { field, expected, wayOut });
