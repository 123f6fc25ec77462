import type { Conversation } from './conversation.js';

/** Text for screen readers: complete messages and outcomes, and waiting requests at once. */
export function Spoken({ conversation: { turns, requests } }: { conversation: Conversation }) {
  const last = turns.at(-1);
  const lastText = last?.parts.findLast((part) => part.kind === 'text' && part.isRecord);
  return (
    <div class="unseen">
      <p aria-live="polite">{lastText?.kind === 'text' && lastText.text}</p>
      <p aria-live="polite">{last?.result !== undefined && `Turn ${last.seq} ${last.state}`}</p>
      <p aria-live="assertive">{requests.map(({ name }) => `${name} waits for a permission. `)}</p>
    </div>
  );
}
