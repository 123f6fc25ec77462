import type { ReaderEvent } from '@hearth/producer';
import { describeError, type TurnResult } from '@hearth/shared';
import { type Output, style } from './output.js';
import { describeRequest } from './permission-question.js';

const resolved = { allow: 'allowed', deny: 'denied', withdrawn: 'withdrawn' };

/** Prints a turn while it runs: text and tools on stdout, everything else on stderr. */
export class TurnPrinter {
  private streamed = false;
  private atLineStart = true;

  constructor(private readonly out: Output) {}

  event(event: ReaderEvent): void {
    this.out.value(event);
    switch (event.type) {
      case 'text.delta':
        // A sub-agent's text is not shown; its tools are.
        if (event.parentToolUseId !== undefined) return;
        this.streamed = true;
        return this.text(event.text);
      case 'message': {
        const text = event.content.map((block) => (typeof block['text'] === 'string' ? block['text'] : '')).join('');
        if (!this.streamed && event.parentToolUseId === undefined) this.text(text);
        this.streamed = false;
        return this.endLine();
      }
      case 'tool.started':
        return this.beside(style.cyan(`⏺ ${event.name}`) + style.dim(` ${event.input}`));
      case 'tool.ended':
        return this.beside(
          `${event.ok ? style.green('  ✓') : style.red('  ✗')} ${style.dim(`${event.summary} (${event.durationMs} ms)`)}`,
        );
      case 'permission.requested':
        return this.beside(
          style.yellow(`  ? ${describeRequest(event)}\n    waits for an answer to ${event.requestId}`),
        );
      case 'permission.resolved':
        return this.beside(style.yellow(`  ${event.name}: ${resolved[event.decision]} (${event.by})`));
      case 'turn.interrupting':
        return this.beside(style.yellow('  stopping'));
      case 'retry':
        return this.beside(style.yellow(`  retrying the model API (${event.reason}), attempt ${event.attempt}`));
      case 'notice':
        return this.beside(style.yellow(`  ${event.message}`));
      case 'turn.restarted':
        this.streamed = false;
        return this.beside(style.yellow(`  restarted: ${event.reason}`));
      case 'stream.expired':
        return this.beside(style.yellow('  part of the stream is not kept any more'));
      case 'turn.failed':
        return this.beside(`${style.red('failed')} ${describeError(event.error)}`);
      default:
    }
  }

  /** Prints a prompt that the reader did not type. */
  prompt(seq: number, text: string): void {
    this.beside(`${style.bold(`${seq} >`)} ${text}`);
  }

  /** Prints one line about how the turn went, on stderr. */
  summary(result: TurnResult): void {
    const { warmth, pid, timings, costUsd, toolCount } = result;
    const tools = toolCount === 0 ? '' : ` · ${toolCount} tools ${timings.toolsMs} ms`;
    this.beside(
      style.dim(
        `${warmth ?? 'unserved'} · pid ${pid ?? '-'} · first event ${timings.firstEventMs ?? '-'} ms · total ${timings.totalMs} ms${tools} · $${costUsd.toFixed(4)}`,
      ),
    );
  }

  private text(text: string): void {
    if (text === '') return;
    this.out.write(text);
    this.atLineStart = text.endsWith('\n');
  }

  private endLine(): void {
    if (!this.atLineStart) this.out.write('\n');
    this.atLineStart = true;
  }

  private beside(text: string): void {
    this.endLine();
    if (!this.out.json) this.out.note(text);
  }
}
