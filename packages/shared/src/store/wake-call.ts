/**
 * A call on a worker's wake channel: `<sessionId>` (a turn was submitted), `<sessionId> withdrawn <seq>`, `<sessionId> interrupt <seq>`,
 * `<sessionId> answered <request id>`, `<sessionId> close`, `<sessionId> watch` (a caller wants raw lines for a while). A session id
 * contains no space. A lost call only costs time, because doorbells, sweeps, renewals and repeated calls have the same effect.
 */
export type WakeCall =
  | { kind: 'turn'; sessionId: string }
  | { kind: 'withdrawn'; sessionId: string; seq: number }
  | { kind: 'interrupt'; sessionId: string; seq: number }
  | { kind: 'answered'; sessionId: string; requestId: string }
  | { kind: 'close'; sessionId: string }
  | { kind: 'watch'; sessionId: string };

/** Parses a message of a wake channel. Undefined: a later version sent it. */
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
