/** A state as a coloured dot and a word. */
export function StateDot({ state }: { state: string }) {
  return (
    <span class={`state ${state}`}>
      <i aria-hidden="true" />
      {state}
    </span>
  );
}
