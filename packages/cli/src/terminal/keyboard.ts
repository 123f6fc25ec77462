import type { Interface } from 'node:readline';

/** The lines a person types: while something is asked they are answers, else they wait in line. */
export class Keyboard {
  private readonly waiting: string[] = [];
  /** Each takes a line, and says whether it needs no more. The first is asked. */
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

  /** The next line that is no answer; undefined: there are no more. */
  async next(): Promise<string | undefined> {
    while (this.waiting.length === 0 && !this.hasEnded) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.waiting.shift();
  }

  /**
   * Gives the lines typed from now on to `understand`, until it makes something of one. Undefined: nobody types any more, or the
   * question is taken back.
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
