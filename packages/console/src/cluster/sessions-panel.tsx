import type { AgentRecord, SessionSummary, WorkerRecord } from '@hearth/shared';
import { useState } from 'preact/hooks';
import { allows, api, type Me } from '../api/client.js';
import { field } from '../parts/field.js';
import { age, megabytes, money } from '../parts/format.js';
import { ProblemNote } from '../parts/problem-note.js';
import { StateDot } from '../parts/state-dot.js';
import { usePolled } from '../parts/use-polled.js';
import { sessionHref } from '../route.js';

const states = ['busy', 'waiting', 'idle', 'asleep', 'closing'];
const perPage = 25;

/** One page of the sessions that match the filter, the last used first. It is read again while it is visible. */
export function SessionsPanel({ me, workers }: { me: Me; workers: readonly WorkerRecord[] }) {
  const [prefix, setPrefix] = useState('');
  const [state, setState] = useState('');
  /** Where each earlier page begins. */
  const [pages, setPages] = useState<readonly string[]>([]);
  const after = pages.at(-1);
  const { value, problem } = usePolled(JSON.stringify([prefix, state, after]), () =>
    api.sessions({ prefix, state, after, limit: perPage }),
  );
  const filter = (set: (value: string) => void) => (event: Event) => {
    set((event.currentTarget as HTMLInputElement | HTMLSelectElement).value);
    setPages([]);
  };
  const agents = agentsOf(workers);
  return (
    <section class="card" aria-labelledby="sessions">
      <div class="card-head">
        <h2 id="sessions">Sessions</h2>
        <search>
          <form class="filter" onSubmit={(event) => event.preventDefault()}>
            <label>
              <span class="unseen">Ids that begin with</span>
              <input type="search" placeholder="id begins with…" value={prefix} onInput={filter(setPrefix)} />
            </label>
            <label>
              <span class="unseen">State</span>
              <select value={state} onChange={filter(setState)}>
                <option value="">any state</option>
                {states.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
          </form>
        </search>
        {allows(me, 'prompt') && <OpenSession prefix={me.prefix ?? ''} />}
      </div>
      {problem !== undefined && <ProblemNote body={problem} />}
      {value?.sessions.length === 0 ? (
        <p class="empty">{prefix === '' && state === '' ? 'No sessions yet.' : 'No session passes the filter.'}</p>
      ) : (
        <SessionTable sessions={value?.sessions ?? []} agents={agents} />
      )}
      <Pager pages={pages} next={value?.next} turn={setPages} />
    </section>
  );
}

interface PagerProps {
  /** Where each earlier page begins. */
  pages: readonly string[];
  next: string | undefined;
  turn: (pages: readonly string[]) => void;
}

function Pager({ pages, next, turn }: PagerProps) {
  if (pages.length === 0 && next === undefined) return null;
  return (
    <div class="pager">
      <button type="button" disabled={pages.length === 0} onClick={() => turn(pages.slice(0, -1))}>
        Newer
      </button>
      <span class="muted">page {pages.length + 1}</span>
      <button type="button" disabled={next === undefined} onClick={() => next !== undefined && turn([...pages, next])}>
        Older
      </button>
    </div>
  );
}

/** An agent is found by session and owner, because a former owner's agent may still be ending. */
function agentsOf(workers: readonly WorkerRecord[]): Map<string, AgentRecord> {
  return new Map(
    workers.flatMap(({ workerId, agents }) =>
      agents.map((agent) => [`${workerId} ${agent.sessionId}`, agent] as const),
    ),
  );
}

function SessionTable({
  sessions,
  agents,
}: {
  sessions: readonly SessionSummary[];
  agents: ReadonlyMap<string, AgentRecord>;
}) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Session</th>
            <th>State</th>
            <th class="number">Number</th>
            <th class="number opt">Epoch</th>
            <th class="opt">Warmth</th>
            <th class="number opt">Memory</th>
            <th class="number">Turns</th>
            <th class="number opt">Age</th>
            <th class="number opt">Cost</th>
            <th class="number">Used</th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <SessionRow
              key={session.sessionId}
              session={session}
              agent={agents.get(`${session.owner} ${session.sessionId}`)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SessionRow({ session, agent }: { session: SessionSummary; agent: AgentRecord | undefined }) {
  return (
    <tr>
      <td class="id">
        <a href={sessionHref(session.sessionId)} title={session.sessionId}>
          {session.sessionId}
        </a>
        {session.profile !== 'default' && <span class="chip">{session.profile}</span>}
      </td>
      <td class="nowrap">
        <StateDot state={session.state} />
        {session.waiting > 1 && <span class="muted"> +{session.waiting - 1}</span>}
      </td>
      <td class="number">{session.workerNumber ?? '–'}</td>
      <td class="number opt">{session.epoch}</td>
      <td class="opt">
        {agent === undefined ? '–' : <span class={`chip warmth-${agent.warmth}`}>{agent.warmth}</span>}
      </td>
      <td class="number opt">{megabytes(agent?.rssBytes)}</td>
      <td class="number">{session.turns}</td>
      <td class="number opt">{age(session.createdAt)}</td>
      <td class="number opt">{money(session.costUsd)}</td>
      <td class="number nowrap">{age(session.usedAt)}</td>
    </tr>
  );
}

/** Goes to the page of a session. Its first prompt opens it. */
function OpenSession({ prefix }: { prefix: string }) {
  const open = (event: SubmitEvent): void => {
    event.preventDefault();
    location.hash = sessionHref(field(event, 'id'));
  };
  return (
    <form class="open" onSubmit={open}>
      <label>
        <span class="unseen">Session to open</span>
        <input name="id" required maxlength={200} pattern="\S+" placeholder="session id" defaultValue={prefix} />
      </label>
      <button type="submit">Open</button>
    </form>
  );
}
