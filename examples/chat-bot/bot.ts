import type { Producer } from '@hearth/producer';
import { Channel } from './channel.js';
import type { ChatListener, ChatSide } from './chat-side.js';

/** A bot for one chat service: every channel is a session with its warm agent. `/stop` interrupts the running answer. */
export class Bot implements ChatListener {
  private readonly channels = new Map<string, Channel>();

  constructor(
    private readonly producer: Producer,
    private readonly side: ChatSide,
    private readonly burstMs = 700,
  ) {}

  onMessage(channel: string, text: string, id: string): void {
    this.channel(channel).message(text, id);
  }

  onButton(channel: string, data: string): void {
    this.channel(channel).button(data);
  }

  private channel(id: string): Channel {
    let channel = this.channels.get(id);
    if (channel === undefined) {
      const session = this.producer.session(`${this.side.name}/${id}`);
      channel = new Channel(this.side, id, session, this.burstMs);
      this.channels.set(id, channel);
    }
    return channel;
  }
}
