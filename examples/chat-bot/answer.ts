import { setTimeout as pause } from 'node:timers/promises';
import type { ChatSide, SentMessage } from './chat-side.js';
import { splitText } from './split.js';

/** An answer while it grows: posted at once, edited at intervals, and continued in a new message when one is full. */
export class Answer {
  private readonly shown: { message: SentMessage; text: string }[] = [];
  private text = '';
  private hasEnded = false;
  private showing: Promise<void> | undefined;

  constructor(
    private readonly side: ChatSide,
    private readonly channel: string,
  ) {}

  write(text: string): void {
    this.text += text;
    this.showing ??= this.showNowAndThen();
  }

  /** Discards the text so far: another attempt begins. */
  clear(): void {
    this.text = '';
  }

  /** Resolves when the whole answer is posted. */
  async end(): Promise<void> {
    this.hasEnded = true;
    await this.showing;
    await this.show();
  }

  private async showNowAndThen(): Promise<void> {
    while (!this.hasEnded) {
      await this.show();
      await pause(this.side.editEveryMs);
    }
  }

  private async show(): Promise<void> {
    for (const [at, text] of splitText(this.text, this.side.messageLength).entries()) {
      const shown = this.shown[at];
      if (shown === undefined) this.shown.push({ message: await this.side.send(this.channel, text), text });
      else if (shown.text !== text) {
        shown.text = text;
        await shown.message.edit(text);
      }
    }
  }
}
