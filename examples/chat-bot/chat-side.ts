/** What the bot needs of a chat service. Telegram's and Discord's are beside this file; another is some forty lines. */
export interface ChatSide {
  /** In session ids: `telegram/<channel>`. */
  name: string;
  /** The longest message, characters. */
  messageLength: number;
  /** ms between two edits of a message; services stop those who edit more often. */
  editEveryMs: number;
  send(channel: string, text: string, buttons?: readonly Button[]): Promise<SentMessage>;
}

/** What a person can press under a message. */
export interface Button {
  label: string;
  /** Comes back when it is pressed; Telegram allows 64 bytes. */
  data: string;
}

export interface SentMessage {
  /** New text; buttons are gone after it. */
  edit(text: string): Promise<void>;
}

/** What the chat side tells the bot. */
export interface ChatListener {
  /** Somebody wrote. `id` is the same when the service tells it again. */
  onMessage(channel: string, text: string, id: string): void;
  onButton(channel: string, data: string): void;
}
