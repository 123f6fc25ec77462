import type { WorkerRecord } from '@hearth/shared';

type Slots = WorkerRecord['slots'];

/** Up to so many slots each is a block. Above, the bar is drawn in proportion. */
const blocksAtMost = 24;

/** The slots as a bar: busy, idle, spare, free. */
export function SlotsBar({ slots }: { slots: Slots }) {
  const free = Math.max(0, slots.total - slots.busy - slots.idle - slots.spare);
  const kinds = [
    ['busy', slots.busy],
    ['idle', slots.idle],
    ['spare', slots.spare],
    ['free', free],
  ] as const;
  const text = `${kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')} of ${slots.total} slots`;
  return (
    <span class="slots" role="img" aria-label={text} title={text}>
      {slots.total <= blocksAtMost
        ? kinds.flatMap(([kind, count]) =>
            Array.from({ length: count }, (_, at) => <i key={`${kind}${at}`} class={kind} />),
          )
        : kinds.map(([kind, count]) => count > 0 && <i key={kind} class={kind} style={{ flexGrow: count }} />)}
    </span>
  );
}

export function SlotsLegend() {
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

export function sumOfSlots(workers: readonly WorkerRecord[]): Slots {
  const sum = { total: 0, busy: 0, idle: 0, spare: 0 };
  for (const { slots } of workers) {
    for (const kind of ['total', 'busy', 'idle', 'spare'] as const) sum[kind] += slots[kind];
  }
  return sum;
}
