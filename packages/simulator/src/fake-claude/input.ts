import { StringDecoder } from 'node:string_decoder';
import type { ApiMessage } from '../model-api/conversation.js';
import type { Line } from './output.js';
import { textField } from './text-field.js';

/** Lines that the host may write. */
export interface Listener {
  prompt: (content: ApiMessage['content']) => void;
  request: (requestId: string, request: Line) => void;
  answered: (line: Line) => void;
}

/** A line that is not JSON ends the CLI. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The agent's stdin, line by line. */
export class Input {
  private readonly decoder = new StringDecoder('utf8');
  private held = '';

  constructor(private readonly listener: Listener) {}

  /** @throws InputError */
  push(chunk: Buffer): void {
    const lines = (this.held + this.decoder.write(chunk)).split('\n');
    this.held = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.line(line);
  }

  private line(text: string): void {
    let line: Line;
    try {
      line = JSON.parse(text) as Line;
    } catch {
      throw new InputError(`Error parsing streaming input line (type=unknown, ${text.length} chars): SyntaxError`);
    }
    if (line['type'] === 'user') this.listener.prompt((line['message'] as ApiMessage).content);
    if (line['type'] === 'control_request')
      this.listener.request(textField(line, 'request_id'), line['request'] as Line);
    if (line['type'] === 'control_response') this.listener.answered(line);
  }
}
