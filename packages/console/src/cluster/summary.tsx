import type { WorkerRecord } from '@hearth/shared';
import type { ComponentChildren } from 'preact';
import type { QueueRecord } from '../api/client.js';
import { megabytes, plural } from '../parts/format.js';
import { SlotsBar, SlotsLegend, sumOfSlots } from './slots-bar.js';

/** The main numbers. */
export function Summary({ workers, queues }: { workers: readonly WorkerRecord[]; queues: readonly QueueRecord[] }) {
  const slots = sumOfSlots(workers);
  const sum = (of: 'waiting' | 'active' | 'delayed' | 'failed'): number =>
    queues.reduce((all, queue) => all + queue[of], 0);
  const count = (which: WorkerRecord['state']): string => {
    const found = workers.filter(({ state }) => state === which).length;
    return found > 0 ? `${found} ${which.replace('_', ' ')}` : '';
  };
  const known = workers.flatMap(({ agents }) => agents.flatMap(({ rssBytes }) => rssBytes ?? []));
  const others = [count('draining'), count('not_ready')].filter((words) => words !== '').join(' · ');
  return (
    <dl class="summary">
      <Figure
        name="Workers"
        value={workers.length}
        beside={others !== '' ? others : workers.length === 0 ? 'none lives' : 'all serving'}
      />
      <div class="figure wide">
        <dt>Slots</dt>
        <dd>
          <b>
            {slots.busy + slots.idle}
            <small> of {slots.total} taken</small>
          </b>
          <SlotsBar slots={slots} />
          <SlotsLegend />
        </dd>
      </div>
      <Figure
        name="Doorbells"
        value={
          <>
            {sum('waiting')}
            <small> waiting</small>
          </>
        }
        beside={`${sum('active')} active${sum('delayed') > 0 ? ` · ${sum('delayed')} delayed` : ''}`}
      />
      <Figure name="Failed jobs" value={sum('failed')} beside={<a href="board">Bull Board</a>} />
      <Figure
        name="Agents’ memory"
        value={known.length === 0 ? '–' : megabytes(known.reduce((all, bytes) => all + bytes, 0))}
        beside={plural(known.length, 'bound agent')}
      />
    </dl>
  );
}

function Figure({ name, value, beside }: { name: string; value: ComponentChildren; beside: ComponentChildren }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        <span class="muted">{beside}</span>
      </dd>
    </div>
  );
}
