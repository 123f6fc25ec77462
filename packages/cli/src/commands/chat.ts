import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { type Session, TurnFailedError, type TurnHandle } from '@hearth/producer';
import { describeError, toErrorBody } from '@hearth/shared';
import { Keyboard } from '../terminal/keyboard.js';
import { type Output, style } from '../terminal/output.js';
import { PermissionDialog } from '../terminal/permission-dialog.js';
import { TurnPrinter } from '../terminal/turn-printer.js';
import { aborted, type CommonOptions, type Context, withProducer } from './context.js';

export interface ChatOptions extends CommonOptions {
  profile?: string;
}

/** A second Ctrl-C within this leaves, ms. */
const againMs = 1_000;

/**
 * `hearth chat [session]`: a conversation in the terminal. Ctrl-C stops the running turn. A second Ctrl-C, or Ctrl-C without a running
 * turn, leaves, like Ctrl-D and /exit. The session stays.
 */
export async function chat(session: string | undefined, options: ChatOptions, context: Context): Promise<number> {
  const sessionId = session ?? `chat-${randomBytes(4).toString('hex')}`;
  const { out, signal } = context;
  return withProducer(options, async (producer) => {
    out.note(
      style.dim(
        `session ${sessionId} · Ctrl-C stops a turn · Ctrl-D or /exit ends the chat, the session stays (hearth chat ${sessionId})`,
      ),
    );
    const input = createInterface({ input: process.stdin, output: process.stderr, terminal: process.stdin.isTTY });
    input.setPrompt(style.bold('> '));
    const conversation = new Conversation(producer.session(sessionId), options.profile, new Keyboard(input), out);
    const left = new Promise<number>((resolve) => {
      const onCtrlC = (): void => {
        if (!conversation.stopTurn()) resolve(130);
      };
      // In a terminal the keyboard reads Ctrl-C. Elsewhere it comes as a signal.
      input.on('SIGINT', onCtrlC);
      context.onCtrlC(onCtrlC);
      void aborted(signal).then(() => resolve(130));
    });
    try {
      return await Promise.race([conversation.hold(() => input.prompt()), left]);
    } finally {
      input.close();
      out.note('');
    }
  });
}

/** One person in one session. Owns the running turn. */
class Conversation {
  private readonly dialog: PermissionDialog;
  private running: TurnHandle | undefined;
  private stoppedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly session: Session,
    private readonly profile: string | undefined,
    private readonly keyboard: Keyboard,
    private readonly out: Output,
  ) {
    this.dialog = new PermissionDialog(session, keyboard, out);
  }

  /** Reads and runs prompts until there are no more. */
  async hold(invite: () => void): Promise<number> {
    for (;;) {
      invite();
      const line = (await this.keyboard.next())?.trim();
      if (line === undefined || line === '/exit') return 0;
      if (line !== '') await this.say(line);
    }
  }

  /** False: no turn runs, or it was stopped just before. */
  stopTurn(): boolean {
    const { running } = this;
    const isAgain = performance.now() - this.stoppedAt < againMs;
    if (running === undefined || isAgain) return false;
    this.stoppedAt = performance.now();
    this.out.note(style.yellow('stopping; Ctrl-C again leaves'));
    this.session.interrupt({ turnId: running.turnId }).catch((error: unknown) => this.sayError(error));
    return true;
  }

  private async say(prompt: string): Promise<void> {
    const printer = new TurnPrinter(this.out);
    try {
      const turn = await this.session.prompt(prompt, { profile: this.profile });
      this.running = turn;
      for await (const event of turn) {
        printer.event(event);
        if (event.type === 'permission.requested') this.dialog.ask(event);
        if (event.type === 'permission.resolved') this.dialog.takeBack(event.requestId);
        if (event.type === 'turn.restarted') this.dialog.takeBackAll();
        await this.out.drained();
      }
      printer.summary(await turn.result());
    } catch (error) {
      if (error instanceof TurnFailedError) printer.summary(error.result);
      else this.sayError(error);
    } finally {
      this.running = undefined;
      this.dialog.takeBackAll();
    }
  }

  private sayError(error: unknown): void {
    this.out.note(`${style.red('error')} ${describeError(toErrorBody(error))}`);
  }
}
