import type { PermissionAnswer, PermissionRequest } from '@hearth/shared';
import { useState } from 'preact/hooks';
import { type Problem, problemBody } from '../api/client.js';
import { ProblemNote } from '../parts/problem-note.js';
import { headline } from './part-view.js';
import { isQuestion, QuestionForm } from './question-form.js';
import { describeSuggestion } from './suggestion.js';

export interface PermissionCardProps {
  request: PermissionRequest;
  /** Absent: the person may not answer. */
  answer: ((answer: PermissionAnswer) => Promise<void>) | undefined;
}

/** A waiting permission request: what the tool wants, and the ways to answer. */
export function PermissionCard({ request, answer }: PermissionCardProps) {
  const [problem, setProblem] = useState<Problem['body']>();
  const send = (given: PermissionAnswer): void => {
    setProblem(undefined);
    answer?.(given).catch((error: unknown) => setProblem(problemBody(error)));
  };
  const asks = isQuestion(request);
  return (
    <section class="permission" aria-label={`${request.name} waits for a permission`}>
      <p class="asks">
        <b>{request.name}</b> {asks ? 'has a question' : 'waits for a permission'}
        <Deadline at={request.expiresAt} />
      </p>
      {answer === undefined ? (
        <pre>{whole(request)}</pre>
      ) : asks ? (
        <QuestionForm request={request} send={send} />
      ) : (
        <AnswerForm request={request} send={send} />
      )}
      {problem !== undefined && <ProblemNote body={problem} />}
    </section>
  );
}

function Deadline({ at }: { at: number }) {
  const time = new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  return <span class="muted"> · until {time}</span>;
}

const whole = ({ input }: PermissionRequest): string => headline(input) ?? JSON.stringify(input, undefined, 2);

function AnswerForm({ request, send }: { request: PermissionRequest; send: (answer: PermissionAnswer) => void }) {
  const [edited, setEdited] = useState<string>();
  const [message, setMessage] = useState('');
  const [chosen, setChosen] = useState<readonly number[]>([]);
  const input = edited === undefined ? undefined : parseObject(edited);
  const always = chosen.length === 0 ? {} : { suggestions: [...chosen] };
  const why = message.trim() === '' ? {} : { message: message.trim() };
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      {edited === undefined ? (
        <pre>{whole(request)}</pre>
      ) : (
        <InputEditor name={request.name} text={edited} isValid={input !== undefined} edit={setEdited} />
      )}
      <Suggestions suggestions={request.suggestions} chosen={chosen} choose={setChosen} />
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={edited !== undefined && input === undefined}
          onClick={() => send({ decision: 'allow', ...always, ...(input === undefined ? {} : { input }) })}
        >
          {edited === undefined ? 'Allow' : 'Allow with this input'}
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => setEdited(edited === undefined ? JSON.stringify(request.input, undefined, 2) : undefined)}
        >
          {edited === undefined ? 'Change the input' : 'Leave it as it was'}
        </button>
      </div>
      <div class="row">
        <label class="grow">
          <span class="unseen">What Claude is told when denied</span>
          <input
            placeholder="why not (Claude is told)"
            maxlength={10_000}
            value={message}
            onInput={(event) => setMessage(event.currentTarget.value)}
          />
        </label>
        <button type="button" onClick={() => send({ decision: 'deny', ...why })}>
          Deny
        </button>
        <button type="button" class="bad" onClick={() => send({ decision: 'deny', endTurn: true, ...why })}>
          Deny and stop
        </button>
      </div>
    </form>
  );
}

interface InputEditorProps {
  /** The name of the tool. */
  name: string;
  text: string;
  isValid: boolean;
  edit: (text: string) => void;
}

function InputEditor({ name, text, isValid, edit }: InputEditorProps) {
  return (
    <label>
      Input of {name}, as JSON
      <textarea
        class="json"
        rows={Math.min(12, text.split('\n').length + 1)}
        spellcheck={false}
        value={text}
        aria-invalid={!isValid}
        onInput={(event) => edit(event.currentTarget.value)}
      />
      {!isValid && <span class="invalid">This is no JSON object yet.</span>}
    </label>
  );
}

interface SuggestionsProps {
  suggestions: readonly unknown[];
  /** The indices of the suggestions. */
  chosen: readonly number[];
  choose: (chosen: readonly number[]) => void;
}

/** Rules that the agent suggests to allow from now on. Some are useful only together. */
function Suggestions({ suggestions, chosen, choose }: SuggestionsProps) {
  if (suggestions.length === 0) return null;
  return (
    <fieldset class="always">
      <legend>Allow from now on, too</legend>
      {suggestions.map((suggestion, at) => (
        <label key={at} class="option" title={JSON.stringify(suggestion)}>
          <input
            type="checkbox"
            checked={chosen.includes(at)}
            onChange={() => choose(chosen.includes(at) ? chosen.filter((other) => other !== at) : [...chosen, at])}
          />
          <span>{describeSuggestion(suggestion)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function parseObject(text: string): Extract<PermissionAnswer, { decision: 'allow' }>['input'] {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as ReturnType<typeof parseObject>) : undefined;
  } catch {
    return undefined;
  }
}
