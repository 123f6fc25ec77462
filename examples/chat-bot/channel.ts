import { type Session, TurnFailedError, type TurnHandle } from '@hearth/producer';
import { Answer } from './answer.js';
import type { ChatSide } from './chat-side.js';
import { PermissionButtons } from './permission-buttons.js';
import { persistently } from './persistently.js';

/** One channel, which is one session: the messages of people become its turns, one at a time. */
export class Channel {
  private readonly buttons: PermissionButtons;
  private gathered: { text: string; id: string }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private isAnswering = false;

  constructor(
    private readonly side: ChatSide,
    private readonly channel: string,
    private readonly session: Session,
    /** Messages come in bursts: a silence of this length, in ms, ends a burst. */
    private readonly burstMs: number,
  ) {
    this.buttons = new PermissionButtons(side, channel, session);
  }

  message(text: string, id: string): void {
    if (text === '/stop') return void this.stop();
    this.gathered.push({ text, id });
    this.answerSoon();
  }

  button(data: string): void {
    void this.buttons.pressed(data);
  }

  /** Messages that arrive while a turn runs become one prompt after it. */
  private answerSoon(): void {
    clearTimeout(this.timer);
    if (this.isAnswering || this.gathered.length === 0) return;
    this.timer = setTimeout(() => void this.answer(), this.burstMs);
  }

  private async answer(): Promise<void> {
    this.isAnswering = true;
    const burst = this.gathered;
    this.gathered = [];
    const answer = new Answer(this.side, this.channel);
    try {
      // The turn has the id of the burst's last message: when the service delivers it again, it is the same turn.
      const turnId = `message-${burst.at(-1)?.id}`;
      const turn = await this.session.prompt(burst.map(({ text }) => text).join('\n'), { turnId });
      await this.follow(turn, answer);
    } catch (error) {
      answer.write(`\n\n⚠ ${whatWentWrong(error)}`);
    }
    // The chat service refused the answer for good (the bot was blocked). The session has it all the same.
    await answer.end().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    this.isAnswering = false;
    this.answerSoon();
  }

  private async follow(turn: TurnHandle, answer: Answer): Promise<void> {
    for await (const event of turn) {
      if ('parentToolUseId' in event && event.parentToolUseId !== undefined) continue;
      if (event.type === 'text.delta') answer.write(event.text);
      if (event.type === 'message') answer.write('\n\n');
      if (event.type === 'turn.restarted') answer.clear();
      if (event.type === 'permission.requested') void this.buttons.ask(event);
      if (event.type === 'permission.resolved') void this.buttons.resolved(event);
    }
    await turn.result();
  }

  private async stop(): Promise<void> {
    const outcome = await this.session.interrupt().catch((error: unknown) => error);
    const words = outcome instanceof Error ? whatWentWrong(outcome) : 'Stopped.';
    await persistently(() => this.side.send(this.channel, words)).catch(() => undefined);
  }
}

function whatWentWrong(error: unknown): string {
  if (error instanceof TurnFailedError && error.code === 'interrupted') return 'interrupted';
  return error instanceof Error ? error.message : String(error);
}
