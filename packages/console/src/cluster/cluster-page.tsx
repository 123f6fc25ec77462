import { useEffect } from 'preact/hooks';
import { api, isConfined, type Me } from '../api/client.js';
import { ProblemNote } from '../parts/problem-note.js';
import { usePolled } from '../parts/use-polled.js';
import { SessionsPanel } from './sessions-panel.js';
import { Summary } from './summary.js';
import { WorkersPanel } from './workers-panel.js';

/** The first page: workers and sessions. */
export function ClusterPage({ me }: { me: Me }) {
  useEffect(() => {
    document.title = 'Hearth';
  }, []);
  const { value, problem } = usePolled('workers', async () => (isConfined(me) ? undefined : api.workers()));
  return (
    <div class="cluster">
      <h1 class="unseen">Cluster</h1>
      {problem !== undefined && <ProblemNote body={problem} />}
      {value !== undefined && (
        <>
          <Summary workers={value.workers} queues={value.queues} />
          <WorkersPanel workers={value.workers} />
        </>
      )}
      <SessionsPanel me={me} workers={value?.workers ?? []} />
    </div>
  );
}
