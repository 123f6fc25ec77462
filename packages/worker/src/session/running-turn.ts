import type { HeadTurn, HearthEvent, Message, TurnResult, Warmth } from '@hearth/shared';
import type { AgentEvent, AgentResult } from '../agent/driver.js';
import type { Standing } from './clocks.js';

const noTokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/** A tool's input in one line, cut: the whole is in the message. */
const inputLength = 200;

interface RunningTool {
  name: string;
  startedAt: number;
}

/** What a commit says besides what the running turn knows itself. */
export interface Ending {
  error?: Extract<TurnResult, { status: 'failed' }>['error'] | undefined;
  durable: boolean;
  claudeSessionId: string | undefined;
}

export interface ServedBy {
  workerId: string;
  pid: number | undefined;
  warmth: Warmth | undefined;
}

/**
 * One attempt at one turn: turns what the agent says into events and, in the end, into the result. Owns the record of the
 * attempt (messages, tools, questions, clocks); writes nothing itself.
 */
export class RunningTurn {
  private readonly said: Message[] = [];
  /** Text of the main conversation's messages as far as it was streamed, by message; of complete ones only what they lack. */
  private readonly streamed = new Map<string, string>();
  private readonly tools = new Map<string, RunningTool>();
  private toolsMs = 0;
  private toolsBusySince = 0;
  private readonly reached: string[] = [];
  private asking = 0;
  private askingSince = 0;
  private askedMs = 0;
  private firstEventAt: number | undefined;
  private queuedMs = 0;
  private begunAt = performance.now();
  private lastSignAt = performance.now();

  constructor(
    readonly turn: HeadTurn,
    readonly attempt: number,
    readonly served: ServedBy,
  ) {}

  /** A turn that is told why nobody serves it (again). */
  static unserved(turn: HeadTurn, workerId: string): RunningTurn {
    const hand = new RunningTurn(turn, turn.attempts, {
      workerId,
      pid: undefined,
      warmth: undefined,
    });
    hand.begun(Math.max(0, Date.now() - turn.submittedAt));
    return hand;
  }

  get seq(): number {
    return this.turn.seq;
  }
  get messages(): readonly Message[] {
    return this.said;
  }
  /** Names of the tools that passed the gate in this attempt or one before. */
  get toolsReached(): readonly string[] {
    return [...this.turn.toolsReached, ...this.reached];
  }

  /** The begin was recorded; `queuedMs` by Redis' clock. */
  begun(queuedMs: number): void {
    this.queuedMs = queuedMs;
    this.begunAt = performance.now();
  }

  /** The event for something the agent said, if it makes one. */
  toEvent(event: AgentEvent): HearthEvent | undefined {
    const seq = this.seq;
    switch (event.kind) {
      case 'delta':
        this.noteSign();
        if (event.of === 'text' && event.parentToolUseId === undefined)
          this.streamed.set(event.messageId, (this.streamed.get(event.messageId) ?? '') + event.text);
        return { type: `${event.of}.delta`, seq, messageId: event.messageId, text: event.text, ...parent(event) };
      case 'message':
        this.noteSign();
        this.said.push(event.message);
        this.forgetStreamed(event.message);
        return { type: 'message', seq, ...event.message };
      case 'tool_ended': {
        this.noteSign();
        const tool = this.tools.get(event.toolUseId);
        if (tool === undefined) return undefined;
        this.tools.delete(event.toolUseId);
        if (this.tools.size === 0) this.toolsMs += performance.now() - this.toolsBusySince;
        return {
          type: 'tool.ended',
          seq,
          toolUseId: event.toolUseId,
          name: tool.name,
          ok: event.ok,
          summary: event.summary,
          durationMs: Math.round(performance.now() - tool.startedAt),
          ...parent(event),
        };
      }
      case 'retry':
        this.noteSign();
        return { type: 'retry', seq, attempt: event.attempt, delayMs: event.delayMs, reason: event.reason };
      case 'status':
        return { type: 'status', seq, status: event.status };
      default:
        return undefined;
    }
  }

  /** A tool is at the gate: the event that goes with its record. */
  toolStarted(gate: Extract<AgentEvent, { kind: 'gate' }>): HearthEvent {
    this.noteSign();
    if (this.tools.size === 0) this.toolsBusySince = performance.now();
    this.tools.set(gate.toolUseId, { name: gate.name, startedAt: performance.now() });
    this.reached.push(gate.name);
    const input = JSON.stringify(gate.input) ?? '';
    return {
      type: 'tool.started',
      seq: this.seq,
      toolUseId: gate.toolUseId,
      name: gate.name,
      input: input.length <= inputLength ? input : `${input.slice(0, inputLength - 1)}…`,
      ...parent(gate),
    };
  }

  /** Somebody is asked for a permission. */
  asks(): void {
    this.noteSign();
    if (this.asking === 0) this.askingSince = performance.now();
    this.asking += 1;
  }

  /** A permission request is resolved. */
  isAnswered(): void {
    this.asking -= 1;
    if (this.asking > 0) return;
    this.askedMs += performance.now() - this.askingSince;
    this.lastSignAt = performance.now();
  }

  /** The turn's result, from what the agent answered (if it did) and how it ends. */
  result(answer: AgentResult | undefined, ending: Ending): TurnResult {
    const sinceBegin = (at: number): number => Math.round((this.queuedMs + at - this.begunAt) * 10) / 10;
    const outcome = {
      sessionId: this.turn.sessionId,
      turnId: this.turn.turnId,
      seq: this.seq,
      text: ending.error === undefined ? this.finalText(answer) : this.textSoFar(),
      attempt: this.attempt,
      costUsd: answer?.costUsd ?? 0,
      tokens: answer?.tokens ?? noTokens,
      workerId: this.served.workerId,
      ...(this.served.warmth === undefined ? {} : { warmth: this.served.warmth }),
      ...(this.served.pid === undefined ? {} : { pid: this.served.pid }),
      ...(ending.claudeSessionId === undefined ? {} : { claudeSessionId: ending.claudeSessionId }),
      durable: ending.durable,
      toolCount: this.reached.length,
      timings: {
        queuedMs: this.queuedMs,
        ...(this.firstEventAt === undefined ? {} : { firstEventMs: sinceBegin(this.firstEventAt) }),
        toolsMs: Math.round(this.toolsMs),
        askedMs: Math.round(this.askedMs),
        totalMs: sinceBegin(performance.now()),
      },
      ...(this.turn.request.metadata === undefined ? {} : { metadata: this.turn.request.metadata }),
    };
    return ending.error === undefined
      ? { status: 'finished', ...outcome }
      : { status: 'failed', error: ending.error, ...outcome };
  }

  /** The event that goes with the result. */
  ending(result: TurnResult): HearthEvent {
    const { seq, turnId } = this.turn;
    if (result.status === 'finished') return { type: 'turn.finished', seq, turnId, result };
    return { type: 'turn.failed', seq, turnId, error: result.error, result };
  }

  /** How it stands, for its clocks. */
  get standing(): Standing {
    const now = performance.now();
    const isBusy = this.tools.size > 0 || this.asking > 0;
    const askedMs = this.askedMs + (this.asking > 0 ? now - this.askingSince : 0);
    return {
      runningMs: now - this.begunAt - askedMs,
      silentMs: isBusy ? 0 : now - this.lastSignAt,
      hasSpoken: this.firstEventAt !== undefined,
    };
  }

  private noteSign(): void {
    this.firstEventAt ??= performance.now();
    this.lastSignAt = performance.now();
  }

  /** The last message's text: `result` of the CLI may hold only its first part (a reported hazard). */
  private finalText(answer: AgentResult | undefined): string {
    const last = this.said.findLast((message) => message.parentToolUseId === undefined);
    const text = last === undefined ? '' : textOf(last);
    return text === '' ? (answer?.text ?? '') : text;
  }

  private forgetStreamed(message: Message): void {
    const streamed = this.streamed.get(message.messageId);
    if (streamed !== undefined && textOf(message).length >= streamed.length) this.streamed.delete(message.messageId);
  }

  /** A message that was cut off may never have become complete: then what was streamed of it counts. */
  private textSoFar(): string {
    const main = this.said.filter((message) => message.parentToolUseId === undefined);
    const cutOff = new Map(this.streamed);
    const texts = main.map((message) => {
      const streamed = cutOff.get(message.messageId);
      cutOff.delete(message.messageId);
      return streamed ?? textOf(message);
    });
    return [...texts, ...cutOff.values()].filter(Boolean).join('\n\n');
  }
}

function textOf(message: Message): string {
  return message.content
    .map((block) => (block.type === 'text' && typeof block['text'] === 'string' ? block['text'] : ''))
    .join('');
}

function parent(event: { parentToolUseId: string | undefined }): { parentToolUseId?: string } {
  return event.parentToolUseId === undefined ? {} : { parentToolUseId: event.parentToolUseId };
}
