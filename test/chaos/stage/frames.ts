/** The number of values after a header, by its first character. Other values are one line, or one text. */
const aggregates: Readonly<Record<string, number>> = { '*': 1, '~': 1, '>': 1, '%': 2, '|': 2 };
const texts = '$=!';

/** Splits the output of Redis (RESP2 and RESP3) into whole replies and messages, however the bytes arrive. */
export class Frames {
  private held: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    const all = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk]);
    const whole: Buffer[] = [];
    let from = 0;
    for (let end = endOf(all, 0); end !== undefined; end = endOf(all, from)) {
      whole.push(all.subarray(from, end));
      from = end;
    }
    this.held = all.subarray(from);
    return whole;
  }
}

/** The end of the value that begins at `at`; undefined: the value is incomplete. */
function endOf(all: Buffer, at: number): number | undefined {
  const lineEnd = all.indexOf('\r\n', at);
  if (lineEnd === -1) return undefined;
  const sign = all.toString('latin1', at, at + 1);
  const count = Number(all.toString('latin1', at + 1, lineEnd));
  let end: number | undefined = lineEnd + 2;
  if (texts.includes(sign)) {
    if (count >= 0) end += count + 2;
    return end <= all.length ? end : undefined;
  }
  // Attributes precede the value they belong to.
  const values = count * (aggregates[sign] ?? 0) + (sign === '|' ? 1 : 0);
  for (let value = 0; value < values && end !== undefined; value += 1) end = endOf(all, end);
  return end;
}

/** The text of a published message; undefined: it is another value. */
export function publishedIn(frame: Buffer): string | undefined {
  const [head, , kind, , , , text] = frame.toString('utf8').split('\r\n');
  return (head === '>3' || head === '*3') && kind === 'message' ? text : undefined;
}
