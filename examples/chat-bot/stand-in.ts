import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import type { DiscordClient } from './discord.js';

/** A message of the bot as a person sees it, with the times of its posting and edits (performance.now(), ms). */
export interface SeenMessage {
  channel: string;
  text: string;
  buttons: { label: string; data: string }[];
  times: number[];
}

/** A call of the bot: it posts, edits, or receives what people do. */
export type Call = 'send' | 'edit' | 'receive';
/**
 * What a call meets: its limit, an error of the service, an error page of what stands before it, a connection that is cut before or (`lost`)
 * after the call was done.
 */
export type Fault = 'limit' | 'error' | 'page' | 'cut' | 'lost';

/** The people of a chat: they write messages, press buttons, and see what the bot posts. */
export abstract class StandIn {
  readonly messages: SeenMessage[] = [];
  protected readonly news = new EventEmitter().setMaxListeners(0);
  private readonly faults: { call: Call; fault: Fault; channel: string | undefined }[] = [];

  abstract say(channel: string, text: string): void;
  abstract press(channel: string, data: string): void;

  /** The next call of this kind in the channel meets the fault. Called twice, the next two do. */
  meet(call: Call, fault: Fault, channel?: string): void {
    this.faults.push({ call, fault, channel });
  }

  protected nextFault(call: Call | undefined, channel?: string): Fault | undefined {
    const at = this.faults.findIndex((next) => next.call === call && next.channel === channel);
    return at === -1 ? undefined : this.faults.splice(at, 1)[0]?.fault;
  }

  /** Resolves with the first message that matches, now or later. */
  async sees(fits: (message: SeenMessage) => boolean): Promise<SeenMessage> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      await once(this.news, 'change');
    }
  }

  protected show(message: Omit<SeenMessage, 'times'>): SeenMessage {
    const seen = { ...message, times: [performance.now()] };
    this.messages.push(seen);
    this.news.emit('change');
    return seen;
  }

  protected change(seen: SeenMessage, text: string): void {
    Object.assign(seen, { text, buttons: [] });
    seen.times.push(performance.now());
    this.news.emit('change');
  }
}

const telegramCalls: Record<string, Call> = { sendMessage: 'send', editMessageText: 'edit', getUpdates: 'receive' };

/** The methods of Telegram's Bot API that the bot uses, on loopback. Messages that are too long are refused, as by Telegram. */
export class TelegramStandIn extends StandIn {
  private readonly server: Server = createServer((request, response) => void this.answer(request, response));
  private readonly updates: { update_id: number }[] = [];

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  say(channel: string, text: string): void {
    const message_id = this.updates.length + 1_000;
    this.update({ message: { message_id, chat: { id: Number(channel) }, text } });
  }

  press(channel: string, data: string): void {
    this.update({ callback_query: { id: 'pressed', data, message: { chat: { id: Number(channel) } } } });
  }

  private update(update: object): void {
    this.updates.push({ update_id: this.updates.length + 1, ...update });
    this.news.emit('change');
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.url?.split('/').at(-1) ?? '';
    const body = JSON.parse(await textOf(request)) as Record<string, unknown>;
    const channel = 'chat_id' in body ? String(body['chat_id']) : undefined;
    const say = (status: number, text: string): void => void response.writeHead(status).end(text);
    switch (this.nextFault(telegramCalls[method], channel)) {
      case 'limit':
        return say(429, '{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":0.1}}');
      case 'error':
        return say(500, '{"ok":false,"description":"Internal Server Error"}');
      case 'page':
        return say(502, '<html><body>502 Bad Gateway</body></html>');
      case 'cut':
        return void request.socket.destroy();
      case 'lost':
        await this.do(method, body).catch(() => undefined);
        return void request.socket.destroy();
      default:
    }
    await this.do(method, body).then(
      (result) => say(200, JSON.stringify({ ok: true, result })),
      (error: unknown) => say(400, JSON.stringify({ ok: false, description: String(error) })),
    );
  }

  private async do(method: string, body: Record<string, unknown>): Promise<unknown> {
    const text = String(body['text']);
    if ('text' in body && (text === '' || text.length > 4_096)) throw new Error('message text is empty or too long');
    switch (method) {
      case 'getUpdates': {
        const missed = () => this.updates.filter(({ update_id }) => update_id >= Number(body['offset']));
        while (missed().length === 0) await once(this.news, 'change');
        return missed();
      }
      case 'sendMessage': {
        const rows = (
          body['reply_markup'] as { inline_keyboard: { text: string; callback_data: string }[][] } | undefined
        )?.inline_keyboard;
        const buttons = (rows ?? []).flat().map((button) => ({ label: button.text, data: button.callback_data }));
        this.show({ channel: String(body['chat_id']), text, buttons });
        return { message_id: this.messages.length };
      }
      case 'editMessageText': {
        const seen = this.messages[Number(body['message_id']) - 1];
        if (seen === undefined || seen.text === text) throw new Error('message is not modified');
        this.change(seen, text);
        return true;
      }
      default:
        return true;
    }
  }
}

/** Fields of the errors of discord.js. */
const discordErrors: Record<Fault, object> = {
  limit: { name: 'RateLimitError', retryAfter: 100 },
  error: { name: 'DiscordAPIError[0]', status: 500, code: 0 },
  page: { name: 'HTTPError', status: 502 },
  cut: { code: 'ECONNRESET' },
  lost: { code: 'UND_ERR_SOCKET' },
};

/** Replaces the client of discord.js. Messages that are too long are refused, as by Discord. */
export class DiscordStandIn extends StandIn implements DiscordClient {
  private readonly client = new EventEmitter();
  private said = 0;

  on(event: string, listener: (...args: never[]) => void): void {
    this.client.on(event, listener as (...args: unknown[]) => void);
  }

  readonly channels = {
    fetch: async (channel: string) => ({
      send: async (message: object) => {
        const { content, components } = checked(message);
        const buttons = components
          .flatMap((row) => row.components)
          .map(({ label, custom_id }) => ({ label, data: custom_id }));
        const seen = this.take('send', channel, () => this.show({ channel, text: content, buttons }));
        return {
          edit: async (changed: object) =>
            this.take('edit', channel, () => this.change(seen, checked(changed).content)),
        };
      },
    }),
  };

  /** discord.js receives over a connection of its own, which reports every failure. */
  override meet(call: Call, fault: Fault, channel?: string): void {
    if (call === 'receive') this.client.emit('error', new Error(`The connection failed: ${fault}`));
    else super.meet(call, fault, channel);
  }

  /** Does a call, or fails as discord.js fails. */
  private take<T>(call: Call, channel: string, work: () => T): T {
    const fault = this.nextFault(call, channel);
    if (fault === undefined) return work();
    if (fault === 'lost') work();
    throw Object.assign(new Error(fault), discordErrors[fault]);
  }

  say(channelId: string, content: string): void {
    this.said += 1;
    this.client.emit('messageCreate', { id: String(this.said), channelId, content, author: { bot: false } });
  }

  press(channelId: string, customId: string): void {
    const deferUpdate = async (): Promise<void> => undefined;
    this.client.emit('interactionCreate', { channelId, customId, isButton: () => true, deferUpdate });
  }
}

interface DiscordContent {
  content: string;
  components: { components: { label: string; custom_id: string }[] }[];
}

function checked(message: object): DiscordContent {
  const { content, components } = message as DiscordContent;
  if (content === '' || content.length > 2_000) throw new Error('Invalid Form Body: content');
  return { content, components };
}
