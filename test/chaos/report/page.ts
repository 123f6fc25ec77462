import type { Verdict } from '../checker/check.js';
import type { HistoryRecord } from '../checker/records.js';
import { asText, seconds } from './format.js';
import { timeline, width } from './timeline.js';

/** The run as a page: the verdict, and a timeline of owners and faults. */
export function reportPage(records: readonly HistoryRecord[], verdict: Verdict, seed: number): string {
  const { violations, turns, takeovers, strictTakeovers } = verdict;
  const from = records[0]?.at ?? 0;
  const rows = violations.map(
    ({ rule, what, at }) => `<tr><td>${seconds(at - from)}</td><td>${asText(rule)}</td><td>${asText(what)}</td></tr>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Hearth chaos, seed ${seed}</title>
<style>
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: ${width + 40}px; padding: 0 20px; color: #222; }
  h1 { font-size: 1.3rem; } table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
  .ok { color: #17692b; } .bad { color: #a11; } svg { display: block; margin-top: 1.5rem; } text { font: 11px system-ui, sans-serif; fill: #222; }
</style>
<h1>Seed ${seed}: <span class="${violations.length === 0 ? 'ok' : 'bad'}">${violations.length} violations</span></h1>
<p>${turns} turns; ${takeovers} takeovers${timesOf(verdict)}, ${strictTakeovers} of them with nothing else in their way.</p>
${violations.length === 0 ? '' : `<table><tr><th>at</th><th>rule</th><th>what</th></tr>${rows.join('\n')}</table>`}
${timeline(records, verdict)}
<p>Above, a bar is an owner, its colour its worker; a black line a takeover, a red dot the death of a worker, a dashed line a moment at which Redis lost what it had acknowledged last.
Below, a bar is a fault; after its name, how often it was played and how often it had an effect. Hover for more.</p>
</html>
`;
}

const timesOf = ({ takeoverMs }: Verdict): string =>
  takeoverMs === null ? '' : ` (p50 ${takeoverMs.p50} ms, p99 ${takeoverMs.p99} ms, at most ${takeoverMs.max} ms)`;
