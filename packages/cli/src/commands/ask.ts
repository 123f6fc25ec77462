import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { TurnFailedError } from '@hearth/producer';
import { TurnPrinter } from '../terminal/turn-printer.js';
import { aborted, type CommonOptions, type Context, withProducer } from './context.js';

export interface AskOptions extends CommonOptions {
  session?: string;
  profile?: string;
  turnId?: string;
  onBusy?: 'enqueue' | 'reject' | 'interrupt';
}

/** `hearth ask "prompt"`: one turn, streamed. Exit code 1 when the turn fails. */
export async function ask(prompt: string | undefined, options: AskOptions, { out, signal }: Context): Promise<number> {
  const words = prompt === undefined || prompt === '-' ? await text(process.stdin) : prompt;
  const sessionId = options.session ?? `ask-${randomBytes(4).toString('hex')}`;
  return withProducer(options, async (producer) => {
    const { turnId, profile, onBusy } = options;
    const turn = await producer.session(sessionId).prompt(words, { turnId, profile, onBusy });
    if (options.session === undefined)
      out.note(`session ${sessionId} (continue with: hearth ask --session ${sessionId} "…")`);
    const printer = new TurnPrinter(out);
    const ended = (async (): Promise<number> => {
      for await (const event of turn) {
        printer.event(event);
        await out.drained();
      }
      try {
        printer.summary(await turn.result());
        return 0;
      } catch (error) {
        if (!(error instanceof TurnFailedError)) throw error;
        printer.summary(error.result);
        return 1;
      }
    })();
    const left = aborted(signal).then(() => {
      out.note(
        `left; turn ${turn.turnId} continues (see it again: hearth ask --session ${sessionId} --turn-id ${turn.turnId} "…")`,
      );
      return 130;
    });
    return Promise.race([ended, left]);
  });
}
