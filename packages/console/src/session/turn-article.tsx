import type { ContentBlock, Prompt, TurnResult } from '@hearth/shared';
import { useMemo } from 'preact/hooks';
import { duration, money, plural } from '../parts/format.js';
import { ProblemNote } from '../parts/problem-note.js';
import type { TurnView } from './conversation.js';
import { PartView } from './part-view.js';

/** One turn: prompt, parts and outcome. Rendered again only when it changed. */
export function TurnArticle({ turn, onAgain }: { turn: TurnView; onAgain: ((prompt: string) => void) | undefined }) {
  return useMemo(() => {
    const { seq, prompt, parts, state, error, result } = turn;
    const text = typeof prompt === 'string' ? prompt : undefined;
    return (
      <article class={`turn ${state}`} aria-label={`Turn ${seq}`}>
        <header class="prompt">
          <span class="seq" title={`turn ${turn.turnId}`}>
            {seq}
          </span>
          <div class="text">{prompt === undefined ? <span class="muted">…</span> : <PromptView prompt={prompt} />}</div>
        </header>
        <div class="answer">
          {parts.map((part, at) => (
            // Parts are only added or replaced in place, so their index is their key.
            <PartView key={at} part={part} />
          ))}
          {error !== undefined && <ProblemNote body={error} />}
          <Ending turn={turn} />
          {result?.status === 'failed' && onAgain !== undefined && text !== undefined && (
            <button type="button" class="quiet" onClick={() => onAgain(text)}>
              Prompt again
            </button>
          )}
        </div>
      </article>
    );
  }, [turn, onAgain]);
}

function PromptView({ prompt }: { prompt: Prompt }) {
  if (typeof prompt === 'string') return <>{prompt}</>;
  return (
    <>
      {prompt.map((block: ContentBlock) =>
        block.type === 'text' ? block.text : <span class="chip">image · {imageKind(block)}</span>,
      )}
    </>
  );
}

function imageKind({ source }: Extract<ContentBlock, { type: 'image' }>): string {
  return source.type === 'url' ? source.url : source.media_type;
}

function Ending({ turn: { state, result, isStopping, warmth } }: { turn: TurnView }) {
  if (result !== undefined) return <Measures result={result} />;
  const word = isStopping ? 'stopping' : state === 'queued' ? 'waits' : 'at work';
  return (
    <p class="measures">
      <span class="pulse" aria-hidden="true" />
      {word}
      {warmth !== undefined && <span class={`chip warmth-${warmth}`}>{warmth}</span>}
    </p>
  );
}

function Measures({ result }: { result: TurnResult }) {
  const { warmth, timings, toolCount, costUsd, pid, attempt, durable } = result;
  return (
    <p class="measures">
      {warmth !== undefined && <span class={`chip warmth-${warmth}`}>{warmth}</span>}
      {timings.firstEventMs !== undefined && <span>first event {duration(timings.firstEventMs)}</span>}
      <span>total {duration(timings.totalMs)}</span>
      {toolCount > 0 && (
        <span>
          {plural(toolCount, 'tool')} {duration(timings.toolsMs)}
        </span>
      )}
      {timings.askedMs > 0 && <span>{duration(timings.askedMs)} for permissions</span>}
      <span>{money(costUsd)}</span>
      {attempt > 1 && <span>attempt {attempt}</span>}
      {pid !== undefined && <span class="opt">pid {pid}</span>}
      {!durable && <span class="chip warn">not durable</span>}
    </p>
  );
}
