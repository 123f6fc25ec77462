import type { HearthEvent, PermissionRequest, SessionSummary, StreamExpired, TurnRecord } from '@hearth/shared';
import { useCallback, useEffect, useReducer, useRef, useState } from 'preact/hooks';
import { api, Problem, problemBody } from '../api/client.js';
import { followEvents } from '../api/events.js';
import { type Conversation, emptyConversation, withEvent, withRecords } from './conversation.js';

type Change =
  | { kind: 'events'; events: readonly (HearthEvent | StreamExpired)[] }
  | { kind: 'records'; records: readonly TurnRecord[] }
  | { kind: 'reread'; records: readonly TurnRecord[]; requests: readonly PermissionRequest[] };

function reduce(conversation: Conversation, change: Change): Conversation {
  if (change.kind === 'events') return change.events.reduce(withEvent, conversation);
  const read = withRecords(conversation, change.records);
  return change.kind === 'records' ? read : { ...read, requests: change.requests, hasExpired: false };
}

export interface Watched {
  conversation: Conversation;
  /** Whether events are arriving. */
  isConnected: boolean;
  problem: Problem['body'] | undefined;
  /** Whether a part is missing, because it was not kept. */
  hasGap: boolean;
  /** Shows the page of earlier turns. Undefined: there are none. */
  showEarlier: (() => void) | undefined;
}

const turnsPerPage = 20;
/** A session that could not be read is tried again after this, ms. */
const againMs = 2_000;

/** Loads a session's turns from the record, and follows its events from there. A running turn is followed from its beginning. */
export function useConversation(sessionId: string): Watched {
  const [conversation, change] = useReducer(reduce, emptyConversation);
  const [isConnected, setConnected] = useState(false);
  const [problem, setProblem] = useState<Problem['body']>();
  const [hasGap, setGap] = useState(false);

  useEffect(() => {
    let leave: (() => void) | undefined;
    let isOver = false;
    let timer: number | undefined;
    const join = async (): Promise<void> => {
      try {
        const past = await readTranscript(sessionId);
        if (isOver) return;
        setProblem(undefined);
        change({ kind: 'reread', ...past });
        leave = followEvents(sessionId, past.after, {
          onEvents: (events) => change({ kind: 'events', events }),
          onConnection: setConnected,
        });
      } catch (error) {
        if (isOver) return;
        setProblem(problemBody(error));
        timer = window.setTimeout(() => void join(), againMs);
      }
    };
    void join();
    return () => {
      isOver = true;
      window.clearTimeout(timer);
      leave?.();
    };
  }, [sessionId]);

  useEffect(() => {
    if (!conversation.hasExpired) return;
    setGap(true);
    readTranscript(sessionId).then(
      ({ records, requests }) => change({ kind: 'reread', records, requests }),
      (error: unknown) => setProblem(problemBody(error)),
    );
  }, [sessionId, conversation.hasExpired]);

  usePrompts(sessionId, conversation, (records) => change({ kind: 'records', records }));

  const first = conversation.turns[0]?.seq ?? 1;
  const showEarlier = useCallback((): void => {
    api.turns(sessionId, turnsPerPage, first).then(
      ({ turns }) => change({ kind: 'records', records: turns }),
      (error: unknown) => setProblem(problemBody(error)),
    );
  }, [sessionId, first]);
  return { conversation, isConnected, problem, hasGap, showEarlier: first > 1 ? showEarlier : undefined };
}

interface Past {
  records: TurnRecord[];
  requests: PermissionRequest[];
  /** The cursor after which events are not in the record. */
  after: string | undefined;
}

async function readTranscript(sessionId: string): Promise<Past> {
  // Read before the turns, because events in between come again and are recognised by their seq.
  const summary = await api.session(sessionId).catch(unlessUnknown);
  if (summary === undefined) return { records: [], requests: [], after: undefined };
  const [{ turns: records }, { permissions: requests }] = await Promise.all([
    api.turns(sessionId, turnsPerPage),
    api.permissions(sessionId),
  ]);
  return { records, requests, after: cursorToJoin(summary, records) };
}

/** The cursor before the first event of the first turn that has not ended. */
function cursorToJoin({ incarnation, lastEvent }: SessionSummary, records: readonly TurnRecord[]): string {
  const running = records.find(({ result }) => result === undefined);
  return `${incarnation}.${running?.cursor ?? lastEvent}`;
}

/** A session that is not open yet is no error, because its first prompt opens it. */
function unlessUnknown(error: unknown): undefined {
  if (error instanceof Problem && error.status === 404) return undefined;
  throw error;
}

/** Reads the prompts of turns that came as events, once each. */
function usePrompts(
  sessionId: string,
  { turns }: Conversation,
  onRead: (records: readonly TurnRecord[]) => void,
): void {
  const asked = useRef(new Set<string>());
  for (const { turnId, prompt } of turns) {
    if (prompt !== undefined || turnId === '' || asked.current.has(turnId)) continue;
    asked.current.add(turnId);
    // The turn was forgotten meanwhile, so there is no prompt to show.
    api.turn(sessionId, turnId).then(
      (record) => onRead([record]),
      () => undefined,
    );
  }
}
