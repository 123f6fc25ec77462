import type { WorkerRecord } from '@hearth/shared';
import { age, megabytes } from '../parts/format.js';
import { SlotsBar } from './slots-bar.js';

export function WorkersPanel({ workers }: { workers: readonly WorkerRecord[] }) {
  return (
    <section class="card" aria-labelledby="workers">
      <h2 id="workers">Workers</h2>
      {workers.length === 0 ? (
        <p class="empty">
          No worker lives: turns are accepted and wait. Start one with <code>hearth worker</code>.
        </p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th class="number">Number</th>
                <th>Worker</th>
                <th>Slots</th>
                <th class="opt">Profiles</th>
                <th class="number">Memory</th>
                <th class="number opt">Up</th>
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <WorkerRow key={worker.workerId} worker={worker} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function WorkerRow({ worker }: { worker: WorkerRecord }) {
  const { workerNumber, workerId, host, pid, slots, agents, startedAt, state, version } = worker;
  const known = agents.flatMap(({ rssBytes }) => rssBytes ?? []);
  return (
    <tr>
      <td class="number">{workerNumber}</td>
      <td>
        <code title={workerId}>{workerId.slice(0, 10)}</code>{' '}
        <span class="muted" title={`version ${version}`}>
          {host}
          <span class="opt"> · pid {pid}</span>
        </span>
        {state !== 'serving' && <span class="chip warn">{state.replace('_', ' ')}</span>}
      </td>
      <td>
        <span class="slots-cell">
          <SlotsBar slots={slots} />
          <span class="muted nowrap">
            {slots.busy + slots.idle}/{slots.total}
          </span>
        </span>
      </td>
      <td class="opt">
        {Object.entries(worker.profiles).map(([name, health]) => (
          <span key={name} class={health === 'ok' ? 'chip' : 'chip bad'} title={health}>
            {health === 'ok' ? name : `${name}: ${health}`}
          </span>
        ))}
      </td>
      <td class="number">{known.length === 0 ? '–' : megabytes(known.reduce((all, bytes) => all + bytes, 0))}</td>
      <td class="number opt">{age(startedAt)}</td>
    </tr>
  );
}
