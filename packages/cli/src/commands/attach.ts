import type { Producer, Session } from '@hearth/producer';
import { formatCursor, type TurnRecord } from '@hearth/shared';
import { promptPreview } from '@hearth/shared/internal';
import { style } from '../terminal/output.js';
import { TurnPrinter } from '../terminal/turn-printer.js';
import { aborted, type CommonOptions, type Context, withProducer } from './context.js';

export interface AttachOptions extends CommonOptions {
  raw?: boolean;
  last?: string;
}

/** `hearth attach <session>`: shows a session live, from its past on, until Ctrl-C. It changes nothing. */
export async function attach(sessionId: string, options: AttachOptions, context: Context): Promise<number> {
  return withProducer(options, async (producer) => {
    const work = options.raw ? raw(producer, sessionId, context) : live(producer.session(sessionId), options, context);
    return Promise.race([work, aborted(context.signal).then(() => 0)]);
  });
}

async function live(session: Session, options: AttachOptions, { out, signal }: Context): Promise<number> {
  // Read before the turns, because events in between come again and are recognised by their seq.
  const summary = await session.summary();
  const past = await session.turns({ last: Number(options.last ?? 20) });
  const done = past.filter(({ result }) => result !== undefined);
  const running = past.find(({ result }) => result === undefined);
  const printer = new TurnPrinter(out);
  for (const turn of done) {
    printPast(turn, printer, out);
    await out.drained();
  }
  if (summary === undefined)
    out.note(style.dim(`session ${session.sessionId} is not open; waiting for its first turn`));
  const after =
    summary === undefined
      ? undefined
      : formatCursor({ incarnation: summary.incarnation, id: running?.cursor ?? summary.lastEvent });
  const known = new Set(done.map(({ seq }) => seq));
  for await (const event of session.events({ signal, ...(after === undefined ? {} : { after }) })) {
    if ('seq' in event && known.has(event.seq)) continue;
    if (event.type === 'turn.queued') {
      const turn = await session.turn(event.seq);
      if (turn !== undefined) printer.prompt(event.seq, promptPreview(turn.request.prompt, promptLength));
    }
    printer.event(event);
    await out.drained();
    if (event.type === 'turn.finished' || event.type === 'turn.failed') printer.summary(event.result);
    if (event.type === 'session.closed') {
      // Another session may be opened under the name. Its events are shown too.
      known.clear();
      out.note(style.dim('the session was closed'));
    }
  }
  return 0;
}

/** Prompts are cut to so many characters. */
const promptLength = 2_000;

function printPast(turn: TurnRecord, printer: TurnPrinter, out: Context['out']): void {
  if (turn.result === undefined) return;
  out.value({ kind: 'past', ...turn });
  if (out.json) return;
  const { seq } = turn;
  printer.prompt(seq, promptPreview(turn.request.prompt, promptLength));
  for (const message of turn.messages ?? []) printer.event({ type: 'message', seq, ...message, id: '' });
  if (turn.result.status === 'failed') {
    printer.event({
      type: 'turn.failed',
      seq,
      turnId: turn.turnId,
      error: turn.result.error,
      result: turn.result,
      id: '',
    });
  }
  printer.summary(turn.result);
}

const arrows = { in: style.cyan('→'), out: style.green('←'), err: style.red('!') };

async function raw(producer: Producer, sessionId: string, { out, signal }: Context): Promise<number> {
  out.note(style.dim('→ to the agent   ← from it   ! its stderr'));
  for await (const { way, line } of producer.session(sessionId).rawLines(signal)) {
    out.value({ kind: 'raw', way, line });
    out.line(`${arrows[way]} ${line}`);
    await out.drained();
  }
  return 0;
}
