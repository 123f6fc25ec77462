/** The longest line an agent may print, bytes. Contents of files travel as single lines of several MB. */
const lineBytesAllowed = 64 * 1024 * 1024;

const newline = 0x0a;

/**
 * Splits a byte stream into lines. It works on bytes, so that a character cut by the end of a chunk stays whole.
 *
 * @param onTooLong called once when a line exceeds the bound. No line is emitted after it.
 */
export class LineSplitter {
  private parts: Buffer[] = [];
  private held = 0;
  private broken = false;

  constructor(
    private readonly onLine: (line: string) => void,
    private readonly onTooLong: (bytes: number) => void,
    private readonly bound = lineBytesAllowed,
  ) {}

  push(chunk: Buffer): void {
    if (this.broken) return;
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.emit(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start === chunk.length) return;
    const rest = chunk.subarray(start);
    this.held += rest.length;
    if (this.held > this.bound) {
      this.broken = true;
      this.parts = [];
      this.onTooLong(this.held);
      return;
    }
    this.parts.push(rest);
  }

  private emit(last: Buffer): void {
    const bytes = this.parts.length === 0 ? last : Buffer.concat([...this.parts, last]);
    this.parts = [];
    this.held = 0;
    if (bytes.length > 0) this.onLine(bytes.toString('utf8'));
  }
}
