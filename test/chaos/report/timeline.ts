import type { Verdict } from '../checker/check.js';
import type { HistoryRecord } from '../checker/records.js';
import { asText, seconds } from './format.js';

export const width = 1_400;
const laneHeight = 20;
const barHeight = 14;
const labelWidth = 380;
const top = 18;
/** A narrower bar would be invisible. */
const leastWidth = 2;
/** Possible distances between two marks on the axis, in seconds. */
const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
const mostMarks = 14;

interface Span {
  from: number;
  to: number;
  workerId: string;
}

/** Owners of sessions over time; below them, one lane per kind of fault. */
export function timeline(records: readonly HistoryRecord[], verdict: Verdict): string {
  const from = records[0]?.at ?? 0;
  const last = records.reduce((latest, { at }) => Math.max(latest, at), from + 1);
  const x = (at: number): number =>
    labelWidth + ((Math.min(at, last) - from) / (last - from)) * (width - labelWidth - 10);
  const y = (lane: number): number => top + lane * laneHeight;
  const bar = (lane: number, span: { from: number; to: number }, fill: string, title: string): string => {
    const wide = Math.max(leastWidth, x(span.to) - x(span.from)).toFixed(1);
    const name = asText(`${seconds(span.from - from)} to ${seconds(span.to - from)}: ${title}`);
    return `<rect x="${x(span.from).toFixed(1)}" y="${y(lane)}" width="${wide}" height="${barHeight}" fill="${fill}"><title>${name}</title></rect>`;
  };
  const label = (lane: number, text: string): string =>
    `<text x="${labelWidth - 8}" y="${y(lane) + 11}" text-anchor="end">${asText(text)}</text>`;
  const line = (at: number, lanes: readonly [number, number], style: string, title: string): string =>
    `<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${y(lanes[0]) - 3}" y2="${y(lanes[1]) - 3}" ${style}><title>${asText(title)}</title></line>`;

  const owners = ownersOf(records, last);
  const colours = new Map<string, string>();
  const sessions = [...owners].map(
    ([sessionId, spans], lane) =>
      label(lane, sessionId) +
      spans.map((span) => bar(lane, span, colourOf(colours, span.workerId), span.workerId)).join(''),
  );
  const laneOf = new Map([...owners.keys()].map((sessionId, lane) => [sessionId, lane]));
  const taken = verdict.taken.flatMap(({ sessionId, servedAt, diedAt }) => {
    const lane = laneOf.get(sessionId);
    if (lane === undefined || servedAt === undefined) return [];
    return [
      line(
        servedAt,
        [lane, lane + 1],
        'stroke="#000" stroke-width="2"',
        `taken over ${seconds(servedAt - diedAt)} after the death of its owner`,
      ),
    ];
  });
  const marks = records.flatMap((record) => {
    if (record.kind === 'death')
      return [
        `<circle cx="${x(record.at).toFixed(1)}" cy="8" r="4" fill="#c00"><title>${asText(`${seconds(record.at - from)}: ${record.workerId} died: ${record.why}`)}</title></circle>`,
      ];
    if (record.kind !== 'rolled_back') return [];
    return [
      line(
        record.at,
        [0, owners.size],
        'stroke="#000" stroke-dasharray="3 2"',
        `${seconds(record.at - from)}: what came after it is lost`,
      ),
    ];
  });
  const below = owners.size + 1;
  const faults = Object.entries(verdict.faults).map(([what, count], at) => {
    const lane = below + at;
    const bars = records.map((record) => {
      if (record.kind !== 'fault' || record.what !== what) return '';
      const of = record.workerId ?? record.sessionId;
      const title = `${record.did === 0 ? 'did nothing' : `did ${record.did}`}${of === undefined ? '' : ` (${of})`}`;
      return bar(lane, { from: record.at, to: record.until }, record.did === 0 ? '#bbb' : '#e08a00', title);
    });
    return label(lane, `${what} · ${count} · ${verdict.effects[what] ?? 0}`) + bars.join('');
  });
  const bottom = y(below + faults.length);
  const step = (steps.find((size) => (last - from) / 1_000 / size <= mostMarks) ?? 1_200) * 1_000;
  const axis = Array.from({ length: Math.floor((last - from) / step) + 1 }, (_, mark) => from + mark * step).map(
    (at) =>
      `<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${top - 3}" y2="${bottom}" stroke="#ddd"/><text x="${x(at).toFixed(1)}" y="${bottom + 14}" text-anchor="middle">${(at - from) / 1_000} s</text>`,
  );
  const parts = [axis, sessions, taken, marks, faults].map((list) => list.join('\n'));
  return `<svg viewBox="0 0 ${width} ${bottom + 22}" width="100%" role="img" aria-label="Owners of sessions over time, and faults">${parts.join('\n')}</svg>`;
}

/** The owners of each session, with the times of their ownership. */
function ownersOf(records: readonly HistoryRecord[], end: number): Map<string, Span[]> {
  const owners = new Map<string, Span[]>();
  for (const record of records) {
    if (record.kind !== 'owner') continue;
    const spans = owners.get(record.sessionId) ?? [];
    owners.set(record.sessionId, spans);
    const last = spans.at(-1);
    if (last?.to === end) last.to = record.at;
    if (record.workerId !== '') spans.push({ from: record.at, to: end, workerId: record.workerId });
  }
  return new Map([...owners].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
}

/** Neighbours get distant colours: each new worker is a golden angle further around the wheel. */
function colourOf(colours: Map<string, string>, workerId: string): string {
  const colour = colours.get(workerId) ?? `hsl(${Math.round(colours.size * 137.5) % 360} 55% 65%)`;
  colours.set(workerId, colour);
  return colour;
}
