/**
 * What a worker is called about, on its wake channel: `<sessionId>` (a turn came), `<sessionId> withdrawn <seq>`,
 * `<sessionId> close`, `<sessionId> watch` (somebody wants the raw lines, for a while). A session id holds no space.
 * A call that is lost is late, not lost: doorbells, sweeps and the caller's own repetition say the same.
 */
export type WakeCall =
  | { kind: 'turn'; sessionId: string }
  | { kind: 'withdrawn'; sessionId: string; seq: number }
  | { kind: 'close'; sessionId: string }
  | { kind: 'watch'; sessionId: string };

/** Parses a message of a wake channel; undefined: of a later version. */
export function parseWakeCall(message: string): WakeCall | undefined {
  const [sessionId = '', kind, seq] = message.split(' ');
  switch (kind) {
    case undefined:
      return { kind: 'turn', sessionId };
    case 'withdrawn':
      return { kind, sessionId, seq: Number(seq) };
    case 'close':
    case 'watch':
      return { kind, sessionId };
    default:
      return undefined;
  }
}
