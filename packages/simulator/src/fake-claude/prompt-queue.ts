import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiMessage } from '../model-api/conversation.js';
import { type Scenario, withScenario } from '../scenario.js';
import { type Hazards, parseScript } from './hazards.js';

type Content = ApiMessage['content'];

/** Prompts within this time can be merged, because lines written at once may be read in pieces, ms. */
const mergeMs = 100;

/** Prompts that wait for their turn. */
export class PromptQueue {
  private readonly waiting: Content[] = [];

  constructor(private readonly scenario: Scenario | undefined) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  add(content: Content): void {
    this.waiting.push(content);
  }

  /** Takes the next prompt. Hazard: merges all prompts that came at once. */
  async next(): Promise<Content | undefined> {
    const isMerged = this.waiting.some((content) => this.wants(content, ({ merge }) => merge));
    if (!isMerged) return this.waiting.shift();
    await sleep(mergeMs);
    return this.waiting.splice(0).map(textOf).join('\n');
  }

  /** Whether the script of a prompt has a hazard. A script that does not parse has none. */
  wants(content: Content, wish: (hazards: Hazards) => boolean): boolean {
    try {
      return wish(parseScript(withScenario(textOf(content), this.scenario)).hazards);
    } catch {
      return false;
    }
  }
}

export const textOf = (content: Content): string =>
  typeof content === 'string' ? content : content.flatMap(({ text }) => text ?? []).join('\n');
