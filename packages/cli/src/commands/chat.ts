import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { TurnFailedError } from '@hearth/producer';
import { describeError, HearthError } from '@hearth/shared';
import { style } from '../terminal/output.js';
import { TurnPrinter } from '../terminal/turn-printer.js';
import { type CommonOptions, type Context, withProducer } from './context.js';

export interface ChatOptions extends CommonOptions {
  profile?: string;
}

/** `hearth chat [session]`: a conversation in the terminal. Ends with Ctrl-D, Ctrl-C or /exit; the session stays. */
export async function chat(
  session: string | undefined,
  options: ChatOptions,
  { out, signal }: Context,
): Promise<number> {
  const sessionId = session ?? `chat-${randomBytes(4).toString('hex')}`;
  return withProducer(options, async (producer) => {
    const conversation = producer.session(sessionId);
    out.note(
      style.dim(`session ${sessionId} · Ctrl-D or /exit ends the chat, the session stays (hearth chat ${sessionId})`),
    );
    const input = createInterface({ input: process.stdin, output: process.stderr, terminal: process.stdin.isTTY });
    signal.addEventListener('abort', () => input.close(), { once: true });
    input.on('SIGINT', () => input.close());
    input.setPrompt(style.bold('> '));
    input.prompt();
    for await (const line of input) {
      const prompt = line.trim();
      if (prompt === '/exit') break;
      if (prompt !== '') {
        input.pause();
        const printer = new TurnPrinter(out);
        try {
          const turn = await conversation.prompt(prompt, { profile: options.profile });
          for await (const event of turn) {
            if (signal.aborted) return 130;
            printer.event(event);
          }
          printer.summary(await turn.result());
        } catch (error) {
          if (error instanceof TurnFailedError) printer.summary(error.result);
          else if (error instanceof HearthError) out.note(`${style.red('error')} ${describeError(error.toJSON())}`);
          else throw error;
        }
        input.resume();
      }
      input.prompt();
    }
    input.close();
    out.note('');
    return 0;
  });
}
