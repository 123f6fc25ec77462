import type { AgentRecord, SessionSummary } from '@hearth/shared';
import { useRef, useState } from 'preact/hooks';
import { api, type Problem, problemBody } from '../api/client.js';
import { age, megabytes, money, plural } from '../parts/format.js';
import { ProblemNote } from '../parts/problem-note.js';
import { StateDot } from '../parts/state-dot.js';
import { clusterHref } from '../route.js';

export interface SessionHeadProps {
  sessionId: string;
  /** Absent: the session is not open yet. */
  summary: SessionSummary | undefined;
  agent: AgentRecord | undefined;
  /** From the event stream, which is faster than the summary. */
  isBusy: boolean;
  isConnected: boolean;
  mayWrite: boolean;
  mayClose: boolean;
  /** Called after an action on the session. */
  onDone: () => void;
}

/** The head of the page: facts about the session, and actions on it. */
export function SessionHead(props: SessionHeadProps) {
  const { sessionId, summary, agent, isBusy, isConnected, mayWrite, mayClose, onDone } = props;
  const [problem, setProblem] = useState<Problem['body']>();
  const act = (work: Promise<unknown>): void => {
    setProblem(undefined);
    work.then(onDone, (error: unknown) => setProblem(problemBody(error)));
  };
  return (
    <header class="session-head">
      <div class="title">
        <a href={clusterHref} class="back" aria-label="Back to the cluster">
          ←
        </a>
        <h1 title={sessionId}>{sessionId}</h1>
        {summary !== undefined && <StateDot state={isBusy ? 'busy' : summary.state} />}
        <span class={isConnected ? 'live on' : 'live'}>{isConnected ? 'live' : 'connecting'}</span>
        <span class="actions">
          {mayWrite && !isBusy && agent === undefined && (
            <button type="button" class="quiet" onClick={() => act(api.warm(sessionId))}>
              Warm
            </button>
          )}
          {mayClose && summary !== undefined && (
            <CloseButton sessionId={sessionId} onClose={() => act(api.close(sessionId))} />
          )}
        </span>
      </div>
      {summary !== undefined && <Facts summary={summary} agent={agent} />}
      {problem !== undefined && <ProblemNote body={problem} />}
    </header>
  );
}

function Facts({ summary, agent }: { summary: SessionSummary; agent: AgentRecord | undefined }) {
  const { owner, workerNumber, epoch, turns, costUsd, createdAt, profile, claudeSessionId } = summary;
  return (
    <p class="facts">
      <span title={owner}>{owner === undefined ? 'no owner' : `worker ${workerNumber}`}</span>
      <span>epoch {epoch}</span>
      {agent !== undefined && (
        <>
          <span class={`chip warmth-${agent.warmth}`}>{agent.warmth}</span>
          <span>pid {agent.pid}</span>
          <span>{megabytes(agent.rssBytes)}</span>
        </>
      )}
      <span>{plural(turns, 'turn')}</span>
      <span>{money(costUsd)}</span>
      <span>age {age(createdAt)}</span>
      <span class="opt">profile {profile}</span>
      {claudeSessionId !== undefined && (
        <span class="opt">
          Claude’s <code title={claudeSessionId}>{claudeSessionId.slice(0, 8)}</code>
        </span>
      )}
    </p>
  );
}

function CloseButton({ sessionId, onClose }: { sessionId: string; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button type="button" class="quiet" onClick={() => dialog.current?.showModal()}>
        Close…
      </button>
      <dialog ref={dialog} aria-labelledby="close-title">
        <form method="dialog">
          <h2 id="close-title">Close this session?</h2>
          <p>
            Ends the agent of <b>{sessionId}</b>, cancels the turns that run and wait, and erases its conversation, jobs
            and files. This cannot be undone.
          </p>
          <div class="row end">
            <button type="submit">Keep it</button>
            <button type="submit" class="bad" onClick={onClose}>
              Close the session
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
