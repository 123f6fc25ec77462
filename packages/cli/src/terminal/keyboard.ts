import type { Interface } from 'node:readline';

/** The lines a person types. While a question is open they are answers, otherwise they are queued. */
export class Keyboard {
  private readonly waiting: string[] = [];
  /** Open questions. Each takes a line, and returns whether it is done. The first one is asked. */
  private readonly asking: ((line: string | undefined) => boolean)[] = [];
  private wake: () => void = () => undefined;
  private hasEnded = false;

  constructor(input: Interface) {
    input.on('line', (line) => {
      const asked = this.asking[0];
      if (asked === undefined) {
        this.waiting.push(line);
        this.wake();
      } else if (asked(line)) this.asking.shift();
    });
    input.on('close', () => {
      this.hasEnded = true;
      for (const asked of this.asking.splice(0)) asked(undefined);
      this.wake();
    });
  }

  /** The next line that is not an answer. Undefined: there are no more. */
  async next(): Promise<string | undefined> {
    while (this.waiting.length === 0 && !this.hasEnded) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.waiting.shift();
  }

  /**
   * Passes typed lines to `understand` until it accepts one. Undefined: the input ended, or the question was withdrawn.
   */
  ask<T>(understand: (line: string) => T | undefined, takenBack: AbortSignal): Promise<T | undefined> {
    if (this.hasEnded || takenBack.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const asked = (line: string | undefined): boolean => {
        const understood = line === undefined ? undefined : understand(line);
        if (line === undefined || understood !== undefined) resolve(understood);
        return understood !== undefined;
      };
      this.asking.push(asked);
      takenBack.addEventListener('abort', () => {
        const at = this.asking.indexOf(asked);
        if (at !== -1) this.asking.splice(at, 1);
        resolve(undefined);
      });
    });
  }
}
