import type { Invocation } from './invocation.js';
import { type Line, resultText } from './result-line.js';

/** Prints the lines of a call in the requested format. */
export class Printer {
  private readonly lines: Line[] = [];

  constructor(
    private readonly call: Pick<Invocation, 'output' | 'verbose'>,
    private readonly write: (text: string) => void,
  ) {}

  line(line: Line): void {
    switch (this.call.output) {
      case 'stream-json':
        return this.write(`${JSON.stringify(line)}\n`);
      case 'json':
        this.lines.push(line);
        if (line.type === 'result') this.write(`${JSON.stringify(this.call.verbose ? this.lines : line)}\n`);
        return;
      case 'text':
        if (line.type === 'result') this.write(`${resultText(line)}\n`);
    }
  }
}
