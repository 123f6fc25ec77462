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
  /** The events come. */
  isConnected: boolean;
  problem: Problem['body'] | undefined;
  /** Part of what happened is not shown, because it was no longer kept. */
  hasGap: boolean;
  /** Shows the page of turns before; undefined: there are none. */
  showEarlier: (() => void) | undefined;
}

const turnsPerPage = 20;
/** A session that could not be read is tried again after so many ms. */
const againMs = 2_000;

/** A session's past from the record, and from there its events as they come; a running turn from its beginning. */
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
  /** Where the events begin that the record does not tell. */
  after: string | undefined;
}

async function readTranscript(sessionId: string): Promise<Past> {
  // Read before the turns: what happens in between comes again as events, and is recognised by its seq.
  const summary = await api.session(sessionId).catch(unlessUnknown);
  if (summary === undefined) return { records: [], requests: [], after: undefined };
  const [{ turns: records }, { permissions: requests }] = await Promise.all([
    api.turns(sessionId, turnsPerPage),
    api.permissions(sessionId),
  ]);
  return { records, requests, after: placeToJoin(summary, records) };
}

/** Before the first event of the first turn that has not ended. */
function placeToJoin({ incarnation, lastEvent }: SessionSummary, records: readonly TurnRecord[]): string {
  const running = records.find(({ result }) => result === undefined);
  return `${incarnation}.${running?.cursor ?? lastEvent}`;
}

/** A session nobody has opened yet is no error: its first prompt opens it. */
function unlessUnknown(error: unknown): undefined {
  if (error instanceof Problem && error.status === 404) return undefined;
  throw error;
}

/** Reads the prompts of turns that came as events, each once. */
function usePrompts(
  sessionId: string,
  { turns }: Conversation,
  onRead: (records: readonly TurnRecord[]) => void,
): void {
  const asked = useRef(new Set<string>());
  for (const { turnId, prompt } of turns) {
    if (prompt !== undefined || turnId === '' || asked.current.has(turnId)) continue;
    asked.current.add(turnId);
    // Forgotten meanwhile: then it has no prompt to show.
    api.turn(sessionId, turnId).then(
      (record) => onRead([record]),
      () => undefined,
    );
  }
}
