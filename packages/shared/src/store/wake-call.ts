/**
 * What a worker is called about, on its wake channel: `<sessionId>` (a turn came), `<sessionId> withdrawn <seq>`,
 * `<sessionId> interrupt <seq>`, `<sessionId> answered <request id>`, `<sessionId> close`, `<sessionId> watch` (somebody wants the raw lines, for a while). A session id holds no space.
 * A call that is lost is late, not lost: doorbells, sweeps and the caller's own repetition say the same.
 */
export type WakeCall =
  | { kind: 'turn'; sessionId: string }
  | { kind: 'withdrawn'; sessionId: string; seq: number }
  | { kind: 'interrupt'; sessionId: string; seq: number }
  | { kind: 'answered'; sessionId: string; requestId: string }
  | { kind: 'close'; sessionId: string }
  | { kind: 'watch'; sessionId: string };

/** Parses a message of a wake channel; undefined: of a later version. */
export function parseWakeCall(message: string): WakeCall | undefined {
  const [sessionId = '', kind, about = ''] = message.split(' ');
  switch (kind) {
    case undefined:
      return { kind: 'turn', sessionId };
    case 'withdrawn':
    case 'interrupt':
      return { kind, sessionId, seq: Number(about) };
    case 'answered':
      return { kind, sessionId, requestId: about };
    case 'close':
    case 'watch':
      return { kind, sessionId };
    default:
      return undefined;
  }
}
