import type { Button, ChatListener, ChatSide, SentMessage } from './chat-side.js';
import { persistently, TryAgain } from './persistently.js';

interface Update {
  update_id: number;
  message?: { message_id: number; chat: { id: number }; text?: string };
  callback_query?: { id: string; data?: string; message?: { chat: { id: number } } };
}

interface Answer<T> {
  ok: boolean;
  result: T;
  description?: string;
  /** With 429: the time to wait, in seconds. */
  parameters?: { retry_after?: number };
}

/** Telegram, through its Bot API: plain HTTP with long polling, no library. `url`: `https://api.telegram.org/bot<token>`. */
export class Telegram implements ChatSide {
  readonly name = 'telegram';
  readonly messageLength = 4_096;
  private readonly stopping = new AbortController();

  constructor(
    private readonly url: string,
    readonly editEveryMs = 1_000,
  ) {}

  async send(channel: string, text: string, buttons: readonly Button[] = []): Promise<SentMessage> {
    const row = buttons.map(({ label, data }) => ({ text: label, callback_data: data }));
    const markup = row.length === 0 ? {} : { reply_markup: { inline_keyboard: [row] } };
    const sent = await this.call<{ message_id: number }>('sendMessage', { chat_id: channel, text, ...markup });
    return {
      edit: async (changed) => {
        const edited = this.call('editMessageText', { chat_id: channel, message_id: sent.message_id, text: changed });
        // The confirmation of the same edit was lost before.
        await edited.catch((error: Error) => {
          if (!error.message.includes('message is not modified')) throw error;
        });
      },
    };
  }

  /** Receives updates until it is stopped. A request for the updates after one confirms it. */
  async listen(listener: ChatListener): Promise<void> {
    let offset = 0;
    while (!this.stopping.signal.aborted) {
      for (const update of await this.updates(offset)) {
        offset = update.update_id + 1;
        await this.take(update, listener);
      }
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  private async take({ message, callback_query: pressed }: Update, listener: ChatListener): Promise<void> {
    if (message?.text !== undefined)
      listener.onMessage(String(message.chat.id), message.text, String(message.message_id));
    if (pressed?.message === undefined) return;
    listener.onButton(String(pressed.message.chat.id), pressed.data ?? '');
    // Ends the button's progress indicator.
    await this.call('answerCallbackQuery', { callback_query_id: pressed.id }).catch(() => undefined);
  }

  private async updates(offset: number): Promise<Update[]> {
    try {
      const { signal } = this.stopping;
      return await persistently(() => this.call<Update[]>('getUpdates', { offset, timeout: 50 }), signal);
    } catch (error) {
      if (this.stopping.signal.aborted) return [];
      throw error;
    }
  }

  /** @throws TryAgain when Telegram is busy or broken, or the connection was cut */
  private async call<T>(method: string, body: object): Promise<T> {
    const response = await this.post(method, body);
    // What stands before Telegram answers with HTML.
    const answer = (await response.json().catch(() => undefined)) as Answer<T> | undefined;
    if (answer?.ok) return answer.result;
    const { status } = response;
    const what = `Telegram refuses ${method}: ${answer?.description ?? `status ${status}`}`;
    // 409: another process receives the updates, as in a rolling restart. An answer without JSON was cut.
    const isForNow = status === 429 || status === 409 || status >= 500 || (answer === undefined && response.ok);
    if (!isForNow) throw new Error(what);
    const seconds = answer?.parameters?.retry_after;
    throw new TryAgain(what, seconds === undefined ? undefined : seconds * 1_000);
  }

  private async post(method: string, body: object): Promise<Response> {
    const { signal } = this.stopping;
    try {
      return await fetch(`${this.url}/${method}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        ...(method === 'getUpdates' ? { signal } : {}),
      });
    } catch (error) {
      if (method === 'getUpdates' && signal.aborted) throw error;
      throw new TryAgain(`Telegram cannot be reached for ${method}: ${String(error)}`);
    }
  }
}
