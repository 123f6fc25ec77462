import type { Problem } from '../api/client.js';

/** An error: its code, what was expected, and the way out. */
export function ProblemNote({ body }: { body: Problem['body'] }) {
  const { code, message, field, expected, wayOut } = body;
  return (
    <div class="problem" role="alert">
      <p>
        <code>{code}</code> {message}
      </p>
      {expected !== undefined && (
        <p class="muted">
          {field !== undefined && <code>{field}</code>} expected: {expected}
        </p>
      )}
      {wayOut !== undefined && <p class="muted">{wayOut}</p>}
    </div>
  );
}
