import { useState } from 'preact/hooks';
import { api, type Problem, problemBody } from './api/client.js';
import { field } from './parts/field.js';
import { Flame } from './parts/flame.js';
import { ProblemNote } from './parts/problem-note.js';

/** Exchanges a token for a cookie that scripts cannot read. */
export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [problem, setProblem] = useState<Problem['body']>();
  const [isSending, setSending] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const token = field(event, 'token');
    setSending(true);
    try {
      await api.signIn(token);
      onSignedIn();
    } catch (error) {
      setProblem(problemBody(error));
      setSending(false);
    }
  };
  return (
    <main class="lonely">
      <form class="card sign-in" onSubmit={(event) => void submit(event)}>
        <h1>
          <Flame /> Hearth
        </h1>
        <label>
          Access token
          <input name="token" type="password" required autocomplete="current-password" spellcheck={false} />
        </label>
        {problem !== undefined && <ProblemNote body={problem} />}
        <button type="submit" class="primary" disabled={isSending}>
          Sign in
        </button>
        <p class="muted">One of the tokens the gateway was started with, or one an administrator minted for you.</p>
      </form>
    </main>
  );
}
