import type { WorkerRecord } from '@hearth/shared';

type Places = WorkerRecord['places'];

/** Below so many places each is a block of its own; above, the bar is drawn in proportion. */
const blocksAtMost = 24;

/** Places as a bar: busy, idle, spare, free. */
export function PlacesBar({ places }: { places: Places }) {
  const free = Math.max(0, places.total - places.busy - places.idle - places.spare);
  const kinds = [
    ['busy', places.busy],
    ['idle', places.idle],
    ['spare', places.spare],
    ['free', free],
  ] as const;
  const text = `${kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')} of ${places.total} places`;
  return (
    <span class="places" role="img" aria-label={text} title={text}>
      {places.total <= blocksAtMost
        ? kinds.flatMap(([kind, count]) =>
            Array.from({ length: count }, (_, at) => <i key={`${kind}${at}`} class={kind} />),
          )
        : kinds.map(([kind, count]) => count > 0 && <i key={kind} class={kind} style={{ flexGrow: count }} />)}
    </span>
  );
}

export function PlacesLegend() {
  return (
    <span class="legend" aria-hidden="true">
      {['busy', 'idle', 'spare', 'free'].map((kind) => (
        <span key={kind}>
          <i class={kind} /> {kind}
        </span>
      ))}
    </span>
  );
}

export function sumOfPlaces(workers: readonly WorkerRecord[]): Places {
  const sum = { total: 0, busy: 0, idle: 0, spare: 0 };
  for (const { places } of workers) {
    for (const kind of ['total', 'busy', 'idle', 'spare'] as const) sum[kind] += places[kind];
  }
  return sum;
}
