import { useEffect, useRef, useState } from 'preact/hooks';
import { type Problem, problemBody } from '../api/client.js';
import { ProblemNote } from '../parts/problem-note.js';

export interface ComposerProps {
  /** Whether turns wait or run. */
  isBusy: boolean;
  prompt: (text: string, onBusy: string) => Promise<void>;
  interrupt: () => Promise<void>;
}

const choices = [
  ['enqueue', 'wait in line'],
  ['interrupt', 'stop it, go ahead'],
  ['reject', 'refuse'],
] as const;

const promptBoxId = 'prompt';

/** Moves the focus to the prompt after an answer by keyboard, because the focused button is gone. */
export const focusPromptBox = (): void => document.getElementById(promptBoxId)?.focus({ preventScroll: true });

/** The box for prompts. Enter sends, Shift+Enter adds a line, Escape stops the running turn. */
export function Composer({ isBusy, prompt, interrupt }: ComposerProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  const [onBusy, setOnBusy] = useState('enqueue');
  const [problem, setProblem] = useState<Problem['body']>();
  useEffect(() => box.current?.focus({ preventScroll: true }), []);

  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    setProblem(undefined);
    try {
      await work();
      return true;
    } catch (error) {
      setProblem(problemBody(error));
      return false;
    }
  };
  const send = async (): Promise<void> => {
    const area = box.current;
    const text = area?.value.trim() ?? '';
    if (area === null || text === '') return;
    area.value = '';
    fit(area);
    // A refused prompt goes back into the box, unless the box has other text by now.
    if (!(await attempt(() => prompt(text, onBusy))) && area.value === '') area.value = text;
    fit(area);
  };
  const stop = (): void => void attempt(interrupt);
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    void send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && isBusy) stop();
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) onSubmit(event);
  };
  return (
    <form class="composer" onSubmit={onSubmit}>
      {problem !== undefined && <ProblemNote body={problem} />}
      <label>
        <span class="unseen">Prompt</span>
        <textarea
          id={promptBoxId}
          ref={box}
          rows={1}
          placeholder="Prompt this session"
          aria-keyshortcuts="Enter Escape"
          onKeyDown={onKeyDown}
          onInput={(event) => fit(event.currentTarget)}
        />
      </label>
      <div class="row">
        <span class="muted opt hint">Enter sends · Shift+Enter for a line{isBusy && ' · Escape stops'}</span>
        {isBusy && <WhileBusy onBusy={onBusy} choose={setOnBusy} stop={stop} />}
        <button type="submit" class="primary">
          Send
        </button>
      </div>
    </form>
  );
}

/** The controls while a turn runs: what a new prompt does, and the interrupt. */
function WhileBusy(props: { onBusy: string; choose: (onBusy: string) => void; stop: () => void }) {
  return (
    <>
      <label class="busy-choice">
        <span class="opt">While busy: </span>
        <select
          aria-label="While busy"
          value={props.onBusy}
          onChange={(event) => props.choose(event.currentTarget.value)}
        >
          {choices.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <button type="button" onClick={props.stop}>
        Interrupt
      </button>
    </>
  );
}

/** Fits the height to the content. The style sheet sets the maximum. */
function fit(area: HTMLTextAreaElement): void {
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight + 2}px`;
}
