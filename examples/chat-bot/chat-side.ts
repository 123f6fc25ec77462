/** The interface between the bot and a chat service. Telegram and Discord are implemented here; another takes some forty lines. */
export interface ChatSide {
  /** The prefix of session ids: `telegram/<channel>`. */
  name: string;
  /** The maximum length of a message, in characters. */
  messageLength: number;
  /** The minimum time between two edits of a message, in ms. Services block clients that edit more often. */
  editEveryMs: number;
  /** Posts a message. @throws TryAgain (persistently.ts) when the service does not take it this time */
  send(channel: string, text: string, buttons?: readonly Button[]): Promise<SentMessage>;
}

/** A button under a message. */
export interface Button {
  label: string;
  /** Sent back when the button is pressed. Telegram allows 64 bytes. */
  data: string;
}

export interface SentMessage {
  /** Replaces the text and removes the buttons. @throws TryAgain likewise */
  edit(text: string): Promise<void>;
}

/** What a chat service reports to the bot. */
export interface ChatListener {
  /** A person wrote a message. `id` is the same when the service delivers it again. */
  onMessage(channel: string, text: string, id: string): void;
  onButton(channel: string, data: string): void;
}
