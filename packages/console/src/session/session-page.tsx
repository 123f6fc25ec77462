import type { AgentRecord, PermissionAnswer, PermissionRequest, SessionSummary, WorkerRecord } from '@hearth/shared';
import { useCallback, useEffect } from 'preact/hooks';
import { allows, api, isConfined, type Me, Problem } from '../api/client.js';
import { ProblemNote } from '../parts/problem-note.js';
import { usePolled } from '../parts/use-polled.js';
import { Composer, focusPromptBox } from './composer.js';
import { PermissionCard } from './permission-card.js';
import { SessionHead } from './session-head.js';
import { Spoken } from './spoken.js';
import { TurnArticle } from './turn-article.js';
import { useConversation } from './use-conversation.js';
import { useStayAtEnd } from './use-stay-at-end.js';

/** The page of a session: its turns, waiting requests, and the box for prompts. */
export function SessionPage({ me, sessionId }: { me: Me; sessionId: string }) {
  const { conversation, isConnected, problem, hasGap, showEarlier } = useConversation(sessionId);
  const { value: about, refresh } = usePolled(sessionId, () => readAbout(sessionId, me));
  const { turns, requests, isClosed, said } = conversation;
  const mayWrite = allows(me, 'prompt');
  const isBusy = turns.some(({ result }) => result === undefined) && !isClosed;
  useStayAtEnd();
  // A turn began or ended, so owner, agent and cost have changed.
  useEffect(() => {
    if (turns.length > 0) refresh();
  }, [turns.length, isBusy, refresh]);
  useEffect(() => {
    document.title = `${requests.length > 0 ? '● ' : ''}${sessionId} · Hearth`;
  }, [sessionId, requests.length]);

  const actions = useActions(sessionId);
  return (
    <div class="session">
      <SessionHead
        sessionId={sessionId}
        summary={isClosed ? undefined : about?.summary}
        agent={about?.agent}
        isBusy={isBusy}
        isConnected={isConnected}
        mayWrite={mayWrite}
        mayClose={allows(me, 'admin')}
        onDone={refresh}
      />
      <div class="stream">
        {showEarlier !== undefined && (
          <button type="button" class="quiet earlier" onClick={showEarlier}>
            Earlier turns
          </button>
        )}
        {turns.length === 0 && <p class="empty">Nothing was said yet. The first prompt opens the session.</p>}
        {turns.map((turn) => (
          <TurnArticle key={`${turn.seq} ${turn.turnId}`} turn={turn} onAgain={mayWrite ? actions.again : undefined} />
        ))}
        {hasGap && <p class="note warn">Part of the stream is no longer kept. It is shown from the record.</p>}
        {isClosed && <p class="note warn">The session was closed. A prompt opens another under this name.</p>}
        {said !== undefined && !isBusy && <p class="note plain">{said}</p>}
        {problem !== undefined && <ProblemNote body={problem} />}
      </div>
      <div class="dock">
        {requests.map((request) => (
          <PermissionCard
            key={request.requestId}
            request={request}
            answer={mayWrite ? actions.answer(request) : undefined}
          />
        ))}
        {mayWrite && <Composer isBusy={isBusy} prompt={actions.prompt} interrupt={actions.interrupt} />}
      </div>
      <Spoken conversation={conversation} />
    </div>
  );
}

/** The calls of a person on this page. `prompt` and `again` stay the same between renders. */
function useActions(sessionId: string) {
  const prompt = useCallback(
    async (text: string, onBusy: string): Promise<void> => {
      await api.prompt(sessionId, text, onBusy);
    },
    [sessionId],
  );
  const again = useCallback((text: string) => void prompt(text, 'enqueue'), [prompt]);
  const interrupt = async (): Promise<void> => {
    await api.interrupt(sessionId);
  };
  const answer = (request: PermissionRequest) => async (given: PermissionAnswer) => {
    await api.answer(sessionId, request.requestId, given);
    focusPromptBox();
  };
  return { prompt, again, interrupt, answer };
}

interface About {
  summary: SessionSummary | undefined;
  agent: AgentRecord | undefined;
}

async function readAbout(sessionId: string, me: Me): Promise<About> {
  try {
    const [summary, { workers }] = await Promise.all([
      api.session(sessionId),
      isConfined(me) ? { workers: [] } : api.workers(),
    ]);
    return { summary, agent: agentOf(summary, workers) };
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return { summary: undefined, agent: undefined };
    throw error;
  }
}

const agentOf = ({ owner, sessionId }: SessionSummary, workers: readonly WorkerRecord[]): AgentRecord | undefined =>
  workers.find(({ workerId }) => workerId === owner)?.agents.find((agent) => agent.sessionId === sessionId);
