import {
  cutText,
  type HearthEvent,
  type PermissionAnswer,
  type PermissionRequest,
  type Session,
} from '@hearth/producer';
import type { ChatSide, SentMessage } from './chat-side.js';
import { persistently } from './persistently.js';

type Resolved = Extract<HearthEvent, { type: 'permission.resolved' }>;

interface Asked {
  requestId: string;
  question: string;
  message: Promise<SentMessage>;
  always: number[];
}

/** Permission requests as messages with buttons. The first answer decides, from here, the console or another client. */
export class PermissionButtons {
  /** By the number in the data of their buttons: the id of a request is too long for Telegram. */
  private readonly asked = new Map<string, Asked>();
  private count = 0;

  constructor(
    private readonly side: ChatSide,
    private readonly channel: string,
    private readonly session: Session,
  ) {}

  async ask({ requestId, name, input, suggestions }: PermissionRequest): Promise<void> {
    this.count += 1;
    const number = String(this.count);
    const question = `Claude wants to use ${name}:\n${cutText(JSON.stringify(input), 500)}`;
    const buttons = [{ label: 'Allow', data: `${number} allow` }];
    if (suggestions.length > 0) buttons.push({ label: 'Always', data: `${number} always` });
    buttons.push({ label: 'Deny', data: `${number} deny` }, { label: 'Stop', data: `${number} stop` });
    const message = persistently(() => this.side.send(this.channel, question, buttons));
    this.asked.set(number, { requestId, question, message, always: suggestions.map((_, at) => at) });
    await message.catch(() => undefined);
  }

  async pressed(data: string): Promise<void> {
    const [number = '', word = ''] = data.split(' ');
    const asked = this.asked.get(number);
    if (asked === undefined) return;
    // The button was pressed twice, or another client answered first: the message shows the decision.
    await this.session.answer(asked.requestId, answerOf(word, asked.always)).catch(() => undefined);
  }

  async resolved({ requestId, decision, by }: Resolved): Promise<void> {
    for (const [number, asked] of this.asked) {
      if (asked.requestId !== requestId) continue;
      this.asked.delete(number);
      const how = by === 'answer' ? '' : ` (${by})`;
      const text = `${asked.question}\n→ ${decision}${how}`;
      // Without a message there is nothing to change.
      await asked.message.then((message) => persistently(() => message.edit(text))).catch(() => undefined);
    }
  }
}

function answerOf(word: string, always: number[]): PermissionAnswer {
  switch (word) {
    case 'allow':
      return { decision: 'allow' };
    case 'always':
      return { decision: 'allow', suggestions: always };
    case 'stop':
      return { decision: 'deny', endTurn: true };
    default:
      return { decision: 'deny' };
  }
}
