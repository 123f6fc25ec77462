import { setTimeout as pause } from 'node:timers/promises';
import type { ChatSide, SentMessage } from './chat-side.js';
import { persistently } from './persistently.js';
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
    if (this.showing !== undefined) return;
    this.showing = this.showNowAndThen();
    // `end` reports what the service refuses.
    this.showing.catch(() => undefined);
  }

  /** Discards the text so far: another attempt begins. */
  clear(): void {
    this.text = '';
  }

  /** Resolves when the whole answer is posted. Rejects when the service refuses it for good. */
  async end(): Promise<void> {
    this.hasEnded = true;
    // What was refused meanwhile is tried once more, with the whole text.
    await this.showing?.catch(() => undefined);
    await this.show();
  }

  private async showNowAndThen(): Promise<void> {
    while (!this.hasEnded) {
      await this.show();
      await pause(this.side.editEveryMs);
    }
  }

  /** Each attempt shows the text as it is by then. */
  private show(): Promise<void> {
    return persistently(async () => {
      for (const [at, text] of splitText(this.text, this.side.messageLength).entries()) {
        const shown = this.shown[at];
        if (shown === undefined) this.shown.push({ message: await this.side.send(this.channel, text), text });
        else if (shown.text !== text) {
          await shown.message.edit(text);
          shown.text = text;
        }
      }
    });
  }
}
