import { duration } from '../parts/format.js';
import { Markdown } from '../parts/markdown.js';
import type { Part, ToolPart } from './parts.js';

/** One part of a turn: text, thinking, a tool or a note. */
export function PartView({ part }: { part: Part }) {
  switch (part.kind) {
    case 'text':
      return (
        <div class={part.ofSubAgent ? 'of-sub-agent' : ''}>
          <Markdown text={part.text} />
        </div>
      );
    case 'thinking':
      return (
        <details class="thinking">
          <summary>{part.isRecord ? 'Thought' : 'Thinking…'}</summary>
          <div class="text muted">{part.text}</div>
        </details>
      );
    case 'tool':
      return <ToolView tool={part} />;
    case 'note':
      return <p class={`note ${part.tone}`}>{part.text}</p>;
  }
}

const marks = { wanted: '○', running: '◌', ok: '✓', failed: '✗' };
const words = { wanted: 'no result known', running: 'runs', ok: 'done', failed: 'failed' };

function ToolView({ tool }: { tool: ToolPart }) {
  const { name, input, wholeInput, state, summary, durationMs, ofSubAgent } = tool;
  return (
    <details class={`tool ${state}${ofSubAgent ? ' of-sub-agent' : ''}`}>
      <summary>
        <span class="mark" role="img" aria-label={words[state]}>
          {marks[state]}
        </span>
        <b>{name}</b>
        <code class="one-line">{headline(wholeInput) ?? input}</code>
        {durationMs !== undefined && <span class="muted nowrap">{duration(durationMs)}</span>}
        {summary !== undefined && summary !== '' && <span class="result one-line">{summary}</span>}
      </summary>
      <pre>{wholeInput === undefined ? input : JSON.stringify(wholeInput, undefined, 2)}</pre>
    </details>
  );
}

/** The main argument of a tool, without the JSON around it. */
export function headline(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  for (const field of ['command', 'file_path', 'path', 'pattern', 'url', 'query', 'description']) {
    const value = (input as Record<string, unknown>)[field];
    if (typeof value === 'string') return value;
  }
  return undefined;
}
