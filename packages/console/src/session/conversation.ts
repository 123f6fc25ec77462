import type {
  ErrorBody,
  HearthEvent,
  PermissionRequest,
  Prompt,
  StreamExpired,
  TurnRecord,
  TurnResult,
  Warmth,
} from '@hearth/shared';
import { note, type Part, withDelta, withMessage, withTool } from './parts.js';

/** A turn as shown on the page. */
export interface TurnView {
  seq: number;
  turnId: string;
  state: TurnRecord['state'];
  /** Absent until it was read from the record, because events do not carry it. */
  prompt?: Prompt;
  parts: readonly Part[];
  isStopping: boolean;
  attempt?: number;
  warmth?: Warmth;
  result?: TurnResult;
  error?: ErrorBody;
}

/** The shown state of a session: its turns in order, and waiting permission requests. */
export interface Conversation {
  turns: readonly TurnView[];
  requests: readonly PermissionRequest[];
  /** Part of the stream was not kept, so running turns must be read from the record. */
  hasExpired: boolean;
  isClosed: boolean;
  /** The last message about the session itself: whether it was warmed. */
  said?: string;
}

export const emptyConversation: Conversation = { turns: [], requests: [], hasExpired: false, isClosed: false };

/** What the record knows of a turn. */
function turnOfRecord(record: TurnRecord): TurnView {
  const { seq, turnId, state, result, messages = [] } = record;
  const error = result?.status === 'failed' ? result.error : undefined;
  return {
    seq,
    turnId,
    state,
    prompt: record.request.prompt,
    parts: messages.reduce<readonly Part[]>(withMessage, []),
    isStopping: false,
    ...(result === undefined ? {} : { result }),
    ...(result?.warmth === undefined ? {} : { warmth: result.warmth }),
    ...(error === undefined ? {} : { error }),
  };
}

/** Adds turns of the record. A turn that is shown as ended stays. Of a running one only the prompt is taken. */
export function withRecords(conversation: Conversation, records: readonly TurnRecord[]): Conversation {
  const turns = new Map(conversation.turns.map((turn) => [turn.seq, turn]));
  for (const record of records) {
    const shown = turns.get(record.seq);
    const read = turnOfRecord(record);
    if (shown === undefined || (record.result !== undefined && shown.result === undefined)) turns.set(read.seq, read);
    else if (shown.prompt === undefined) turns.set(read.seq, { ...shown, prompt: record.request.prompt });
  }
  return { ...conversation, turns: [...turns.values()].sort((a, b) => a.seq - b.seq) };
}

/** Applies one event. Events of a turn that has ended come again when a reader joins late, and change nothing. */
export function withEvent(before: Conversation, event: HearthEvent | StreamExpired): Conversation {
  // The end of a closed session's stream is no news.
  if (event.type === 'stream.expired') return before.isClosed ? before : { ...before, hasExpired: true };
  // Another session was opened under the same name.
  const conversation = before.isClosed ? emptyConversation : before;
  switch (event.type) {
    case 'session.closed':
      return { ...conversation, requests: [], isClosed: true };
    case 'session.warmed':
      return { ...conversation, said: `An agent is ready (${event.warmth}).` };
    case 'session.warm_failed':
      return { ...conversation, said: `The agent did not start: ${event.error.code}` };
    case 'session.notice':
      return { ...conversation, said: event.message };
    default:
  }
  // An event of a later version.
  if (!('seq' in event)) return conversation;
  const { seq } = event;
  const at = conversation.turns.findIndex((turn) => turn.seq === seq);
  const shown = conversation.turns[at];
  if (shown?.result !== undefined) return conversation;
  const turn = turnWith(shown ?? newTurn(seq, 'turnId' in event ? event.turnId : ''), event);
  const turns =
    at === -1 ? [...conversation.turns, turn].sort((a, b) => a.seq - b.seq) : conversation.turns.with(at, turn);
  return { ...conversation, turns, requests: requestsWith(conversation.requests, event) };
}

const newTurn = (seq: number, turnId: string): TurnView => ({
  seq,
  turnId,
  state: 'queued',
  parts: [],
  isStopping: false,
});

type TurnEvent = Extract<HearthEvent, { seq: number }>;

function turnWith(turn: TurnView, event: TurnEvent): TurnView {
  const saying = (part: Part): TurnView => ({ ...turn, parts: [...turn.parts, part] });
  switch (event.type) {
    case 'turn.queued':
      return { ...turn, turnId: event.turnId };
    case 'turn.started': {
      const { turnId, attempt, warmth } = event;
      return { ...turn, turnId, state: 'running', attempt, ...(warmth === undefined ? {} : { warmth }) };
    }
    case 'turn.restarted':
      // Streamed text of the lost attempt is void.
      return { ...turn, parts: [note('warn', `Restarted: ${event.reason}.`)] };
    case 'text.delta':
    case 'thinking.delta':
      return { ...turn, state: 'running', parts: withDelta(turn.parts, event) };
    case 'message':
      return { ...turn, state: 'running', parts: withMessage(turn.parts, event) };
    case 'tool.started':
    case 'tool.ended':
      return { ...turn, state: 'running', parts: withTool(turn.parts, event) };
    case 'permission.requested':
      return saying(note('warn', `${event.name} waits for a permission.`));
    case 'permission.resolved':
      return saying(note(event.decision === 'allow' ? 'good' : 'plain', resolution(event)));
    case 'turn.interrupting':
      return { ...turn, isStopping: true, parts: [...turn.parts, note('warn', 'Stopping.')] };
    case 'retry':
      return saying(note('warn', `Retrying the model API (attempt ${event.attempt}): ${event.reason}`));
    case 'status':
      return event.status === 'requesting' ? turn : saying(note('plain', event.status));
    case 'notice':
      return saying(note('warn', event.message));
    case 'turn.finished':
      return { ...turn, state: 'finished', isStopping: false, result: event.result };
    case 'turn.failed':
      return { ...turn, state: 'failed', isStopping: false, result: event.result, error: event.error };
    default:
      return turn;
  }
}

const resolvedBy = {
  answer: '',
  deadline: ': no answer came in time',
  unwatched: ': no one was present',
  agent: ' by the agent',
};
const decided = { allow: 'allowed', deny: 'denied', withdrawn: 'withdrawn' };

function resolution({ name, decision, by, message }: Extract<HearthEvent, { type: 'permission.resolved' }>): string {
  return `${name} ${decided[decision]}${resolvedBy[by]}${message === undefined ? '' : ` (“${message}”)`}.`;
}

function requestsWith(requests: readonly PermissionRequest[], event: TurnEvent): readonly PermissionRequest[] {
  switch (event.type) {
    case 'permission.requested':
      return [...requests.filter(({ requestId }) => requestId !== event.requestId), event];
    case 'permission.resolved':
      return requests.filter(({ requestId }) => requestId !== event.requestId);
    case 'turn.restarted':
    case 'turn.finished':
    case 'turn.failed':
      return requests.filter(({ seq }) => seq !== event.seq);
    default:
      return requests;
  }
}
