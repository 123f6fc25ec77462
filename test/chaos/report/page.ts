import type { Verdict } from './checker/check.js';
import type { HistoryRecord } from './checker/records.js';

const laneHeight = 22;
const labelWidth = 110;
const width = 1_400;

interface Span {
  from: number;
  to: number;
  workerId: string;
}

/** The run as a page: the verdict, and who owned which session when, with the faults over it. */
export function reportPage(records: readonly HistoryRecord[], verdict: Verdict, seed: number): string {
  const { violations, ...counts } = verdict;
  const rows = violations.map(
    ({ rule, what, at }) =>
      `<tr><td>${secondsIn(records, at)}</td><td>${asText(rule)}</td><td>${asText(what)}</td></tr>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Hearth chaos, seed ${seed}</title>
<style>
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: ${width + 40}px; color: #222; }
  h1 { font-size: 1.3rem; } table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
  .ok { color: #17692b; } .bad { color: #a11; } svg { overflow: visible; } text { font: 11px system-ui, sans-serif; }
</style>
<h1>Seed ${seed}: <span class="${violations.length === 0 ? 'ok' : 'bad'}">${violations.length} violations</span></h1>
<p>${counts.turns} turns, ${counts.takeovers} takeovers${timesOf(verdict)}.</p>
${violations.length === 0 ? '' : `<table><tr><th>at</th><th>rule</th><th>what</th></tr>${rows.join('\n')}</table>`}
<h2>Owners of sessions, and faults</h2>
${timeline(records)}
<h2>Faults</h2>
<table>${Object.entries(counts.faults)
    .map(([what, count]) => `<tr><td>${count}</td><td>${asText(what)}</td></tr>`)
    .join('')}</table>
</html>`;
}

const timesOf = ({ takeoverMs }: Verdict): string =>
  takeoverMs === null ? '' : ` (p50 ${takeoverMs.p50} ms, p99 ${takeoverMs.p99} ms, at most ${takeoverMs.max} ms)`;

function timeline(records: readonly HistoryRecord[]): string {
  const from = records[0]?.at ?? 0;
  const last = records.reduce((latest, { at }) => Math.max(latest, at), from + 1);
  const x = (at: number): number => labelWidth + ((at - from) / (last - from)) * (width - labelWidth);
  const owners = ownersOf(records, last);
  const colours = new Map<string, string>();
  const lanes = [...owners].map(([sessionId, spans], lane) => {
    const y = 30 + lane * laneHeight;
    const bars = spans.map((span) => {
      const colour = colourOf(colours, span.workerId);
      const title = `${span.workerId}, ${secondsIn(records, span.from)} to ${secondsIn(records, span.to)}`;
      return `<rect x="${x(span.from).toFixed(1)}" y="${y}" width="${Math.max(1, x(span.to) - x(span.from)).toFixed(1)}" height="${laneHeight - 6}" fill="${colour}"><title>${asText(title)}</title></rect>`;
    });
    return `<text x="0" y="${y + 12}">${asText(sessionId)}</text>${bars.join('')}`;
  });
  const bottom = 30 + owners.size * laneHeight;
  const mark = (from: number, to: number, colour: string, title: string): string => {
    const at = x(from).toFixed(1);
    const wide = Math.max(2, x(Math.min(to, last)) - x(from)).toFixed(1);
    return `<g><rect x="${at}" y="22" width="${wide}" height="${bottom - 22}" fill="#c00" opacity=".05"/><line x1="${at}" x2="${at}" y1="18" y2="${bottom}" stroke="${colour}" stroke-opacity=".6"/><circle cx="${at}" cy="16" r="4" fill="${colour}"><title>${asText(title)}</title></circle></g>`;
  };
  const faults = records.flatMap((record) => {
    const title = (what: string): string => `${secondsIn(records, record.at)}: ${what}`;
    if (record.kind === 'death')
      return [mark(record.at, record.at, '#c00', title(`${record.workerId} died: ${record.why}`))];
    if (record.kind !== 'fault') return [];
    const of = record.workerId ?? record.sessionId;
    return [mark(record.at, record.until, '#e90', title(`${record.what}${of === undefined ? '' : ` (${of})`}`))];
  });
  const ticks = Array.from({ length: 11 }, (_, tick) => from + (tick * (last - from)) / 10).map(
    (at) => `<text x="${x(at).toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${secondsIn(records, at)}</text>`,
  );
  return `<svg viewBox="0 0 ${width} ${bottom + 24}" width="100%" role="img" aria-label="Owners of sessions over time, with faults">${lanes.join('\n')}${faults.join('\n')}${ticks.join('')}</svg>
<p>A bar is an owner (its colour is its worker's); a red dot a death, an orange one another fault; hover for which.</p>`;
}

/** Who owned each session, from when to when. */
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

/** Neighbours differ: each new worker is a golden angle further round the wheel. */
function colourOf(colours: Map<string, string>, workerId: string): string {
  const colour = colours.get(workerId) ?? `hsl(${Math.round(colours.size * 137.5) % 360} 55% 60%)`;
  colours.set(workerId, colour);
  return colour;
}

const secondsIn = (records: readonly HistoryRecord[], at: number): string =>
  `${((at - (records[0]?.at ?? at)) / 1_000).toFixed(1)} s`;

const asText = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
