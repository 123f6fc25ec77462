import type { PermissionAnswer, PermissionRequest } from '@hearth/shared';

interface Question {
  question: string;
  header?: string;
  options: { label: string; description?: string }[];
  multiSelect?: boolean;
}

const questionsOf = ({ input }: PermissionRequest): Question[] | undefined => {
  const { questions } = (input ?? {}) as { questions?: Question[] };
  return Array.isArray(questions) && questions.every(({ options }) => Array.isArray(options)) ? questions : undefined;
};

/** A question of Claude to the person. */
export const isQuestion = (request: PermissionRequest): boolean =>
  request.name === 'AskUserQuestion' && questionsOf(request) !== undefined;

/** A form with the options of the questions. Each can be answered with free text too. */
export function QuestionForm({
  request,
  send,
}: {
  request: PermissionRequest;
  send: (answer: PermissionAnswer) => void;
}) {
  const questions = questionsOf(request) ?? [];
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const answers = Object.fromEntries(questions.map(({ question }, at) => [question, answerOf(form, at)]));
    const input = request.input as Record<string, never>;
    send({ decision: 'allow', input: { ...input, answers } });
  };
  return (
    <form onSubmit={submit}>
      {questions.map((question, at) => (
        <Options key={question.question} question={question} name={`q${at}`} />
      ))}
      <div class="row">
        <button type="submit" class="primary">
          Answer
        </button>
        <button type="button" onClick={() => send({ decision: 'deny', message: 'The user does not want to answer.' })}>
          Do not answer
        </button>
      </div>
    </form>
  );
}

function Options({ question, name }: { question: Question; name: string }) {
  return (
    <fieldset>
      <legend>{question.question}</legend>
      {question.options.map(({ label, description }) => (
        <label key={label} class="option">
          <input type={question.multiSelect === true ? 'checkbox' : 'radio'} name={name} value={label} />
          <span>
            {label}
            {description !== undefined && description !== '' && <small class="muted"> {description}</small>}
          </span>
        </label>
      ))}
      <label>
        <span class="unseen">In your own words</span>
        <input name={`${name}-own`} placeholder="or in your own words" />
      </label>
    </fieldset>
  );
}

function answerOf(form: FormData, at: number): string {
  const typed = form.get(`q${at}-own`);
  const own = typeof typed === 'string' ? typed.trim() : '';
  return [...form.getAll(`q${at}`).filter((value) => typeof value === 'string'), ...(own === '' ? [] : [own])].join(
    ', ',
  );
}
