import type { Button, ChatListener, ChatSide, SentMessage } from './chat-side.js';
import { TryAgain } from './persistently.js';

/** The part of discord.js 14 that is used here. Pass its `Client`, logged in with the intents GuildMessages and MessageContent. */
export interface DiscordClient {
  channels: { fetch(id: string): Promise<DiscordChannel> };
  on(event: 'messageCreate', listener: (message: DiscordMessage) => void): unknown;
  on(event: 'interactionCreate', listener: (interaction: DiscordInteraction) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}
interface DiscordChannel {
  send(message: object): Promise<{ edit(message: object): Promise<unknown> }>;
}
interface DiscordMessage {
  id: string;
  channelId: string;
  content: string;
  author: { bot: boolean };
}
interface DiscordInteraction {
  channelId: string;
  customId: string;
  isButton(): boolean;
  deferUpdate(): Promise<unknown>;
}

/** Discord, through a client of discord.js. */
export class Discord implements ChatSide {
  readonly name = 'discord';
  readonly messageLength = 2_000;

  constructor(
    private readonly client: DiscordClient,
    readonly editEveryMs = 1_000,
  ) {}

  listen(listener: ChatListener): void {
    // The client connects again by itself. Without a listener the error would end the process.
    this.client.on('error', (error) => process.stderr.write(`Discord: ${error.message}\n`));
    this.client.on('messageCreate', ({ author, channelId, content, id }) => {
      if (!author.bot) listener.onMessage(channelId, content, id);
    });
    this.client.on('interactionCreate', (interaction) => {
      if (!interaction.isButton()) return;
      listener.onButton(interaction.channelId, interaction.customId);
      void interaction.deferUpdate().catch(() => undefined);
    });
  }

  async send(channelId: string, content: string, buttons: readonly Button[] = []): Promise<SentMessage> {
    const channel = await this.client.channels.fetch(channelId).catch(failed);
    const sent = await channel.send({ content, components: rowOf(buttons) }).catch(failed);
    return {
      edit: async (changed) => {
        await sent.edit({ content: changed, components: [] }).catch(failed);
      },
    };
  }
}

/** What errors of discord.js have: a status of Discord, a delay in ms, or the code of a failed connection. */
interface DiscordError extends Error {
  status?: number;
  retryAfter?: number;
  code?: string | number;
}

/** discord.js waits at most limits and repeats some failures by itself. What comes here is left over. @throws TryAgain, or the error */
function failed(error: DiscordError): never {
  const { status = 0, retryAfter, code, message } = error;
  const isCut = error.name === 'AbortError' || /^(E[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(String(code));
  if (retryAfter === undefined && status !== 429 && status < 500 && !isCut) throw error;
  throw new TryAgain(`Discord: ${message}`, retryAfter);
}

/** An action row (type 1) of grey buttons (type 2, style 2). */
function rowOf(buttons: readonly Button[]): object[] {
  if (buttons.length === 0) return [];
  return [{ type: 1, components: buttons.map(({ label, data }) => ({ type: 2, style: 2, label, custom_id: data })) }];
}
