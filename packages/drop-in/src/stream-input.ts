import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Prompt } from '@hearth/producer';
import { Refusal } from './command-line.js';

/** A control request of the host. */
export interface ControlRequest {
  request_id: string;
  request: { subtype: string; [field: string]: unknown };
}

interface InputLine {
  type?: string;
  message?: { content?: unknown };
}

/**
 * Reads the lines of `--input-format stream-json` as they come, so that a control request works while a turn runs. Prompts wait in line.
 * Other lines are ignored, as the CLI does.
 */
export class StreamInput {
  private readonly waiting: (Prompt | Refusal)[] = [];
  private hasEnded = false;
  private wake: () => void = () => undefined;

  constructor(input: Readable, onControl: (request: ControlRequest) => void) {
    const lines = createInterface({ input });
    lines.on('line', (text) => {
      const line = parse(text);
      if (line instanceof Refusal) this.waiting.push(line);
      else if (line.type === 'control_request') onControl(line as ControlRequest & InputLine);
      // The producer checks whether it is a valid prompt.
      else if (line.type === 'user') this.waiting.push(line.message?.content as Prompt);
      this.wake();
    });
    lines.on('close', () => {
      this.hasEnded = true;
      this.wake();
    });
  }

  /** Ends the prompts before the next one. */
  refuse(refusal: Refusal): void {
    this.waiting.unshift(refusal);
    this.wake();
  }

  /** Iterates over the prompts in order. @throws Refusal at a line that is not JSON, and the one of {@link refuse} */
  async *prompts(): AsyncGenerator<Prompt> {
    for (;;) {
      const next = this.waiting.shift();
      if (next instanceof Refusal) throw next;
      if (next !== undefined) yield next;
      else if (this.hasEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }
}

function parse(text: string): InputLine | Refusal {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as InputLine;
  } catch (error) {
    const name = error instanceof Error ? error.name : 'Error';
    return new Refusal(`Error parsing streaming input line (type=unknown, ${text.length} chars): ${name}`);
  }
}
