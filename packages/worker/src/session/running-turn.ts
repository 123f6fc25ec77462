import type { HearthEvent, Message, Notice, TurnResult, Warmth } from '@hearth/shared';
import type { HeadTurn } from '@hearth/shared/internal';
import { cutText } from '@hearth/shared/text';
import type { AgentEvent, AgentResult } from '../agent/driver.js';
import type { TurnProgress } from './clocks.js';
import type { TurnOutcome } from './turn-outcome.js';

const noTokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/** `tool.started` shows a tool's input in one line, cut to so many characters. The message has all of it. */
const inputLength = 200;
/** A result names so many notices. The events have all of them. */
const noticesAtMost = 20;

interface RunningTool {
  name: string;
  startedAt: number;
}

/** The agent that serves a turn. */
export interface ServedBy {
  workerId: string;
  pid: number;
  warmth: Warmth;
}

/**
 * One attempt at one turn. Makes events from what the agent says, and the result in the end. Owns the record of the attempt
 * (messages, tools, permission requests, times). Writes nothing itself.
 */
export class RunningTurn {
  private readonly completed: Message[] = [];
  private readonly notices: Notice[] = [];
  /** Streamed text of the main conversation by message id. A complete message stays here only while it has less text than was streamed. */
  private readonly streamed = new Map<string, string>();
  private readonly tools = new Map<string, RunningTool>();
  private toolsMs = 0;
  private toolsBusySince = 0;
  private readonly reached: string[] = [];
  private openRequests = 0;
  private askingSince = 0;
  private askedMs = 0;
  private firstEventAt: number | undefined;
  private queuedMs = 0;
  private begunAt = performance.now();
  private hasSpoken = false;
  private costUsd = 0;
  private lastActivityAt = performance.now();

  constructor(
    readonly turn: HeadTurn,
    readonly attempt: number,
    readonly served: ServedBy,
  ) {}

  get seq(): number {
    return this.turn.seq;
  }
  get messages(): readonly Message[] {
    return this.completed;
  }
  /** Names of the tools that passed the gate in this attempt or one before. */
  get toolsReached(): readonly string[] {
    return [...this.turn.toolsReached, ...this.reached];
  }

  /** Notes that the begin was recorded. `queuedMs`: how long the turn waited, by Redis' clock. */
  noteBegin(queuedMs: number): void {
    this.queuedMs = queuedMs;
    this.begunAt = performance.now();
  }

  /** Notes something besides the conversation, for the result. */
  noteNotice(notice: Notice): void {
    if (this.notices.length < noticesAtMost) this.notices.push(notice);
  }

  /** Notes that the agent printed a line. Every line is a sign of life (P10). */
  noteLine(): void {
    this.hasSpoken = true;
    this.lastActivityAt = performance.now();
  }

  /** The event for something the agent said. Undefined when it makes none. */
  toEvent(event: AgentEvent): HearthEvent | undefined {
    const seq = this.seq;
    if (isOutput(event)) this.noteOutput();
    switch (event.kind) {
      case 'delta':
        if (event.of === 'text' && event.parentToolUseId === undefined)
          this.streamed.set(event.messageId, (this.streamed.get(event.messageId) ?? '') + event.text);
        return { type: `${event.of}.delta`, seq, messageId: event.messageId, text: event.text, ...parent(event) };
      case 'message':
        this.completed.push(event.message);
        this.forgetStreamed(event.message);
        return { type: 'message', seq, ...event.message };
      case 'tool_ended': {
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
        return { type: 'retry', seq, attempt: event.attempt, delayMs: event.delayMs, reason: event.reason };
      case 'cost':
        this.costUsd = event.costUsd;
        return undefined;
      case 'status':
        return { type: 'status', seq, status: event.status };
      default:
        return undefined;
    }
  }

  /** Notes a tool at the gate. Returns the event that goes with its record. */
  toolStarted(gate: Extract<AgentEvent, { kind: 'gate' }>): HearthEvent {
    this.noteOutput();
    if (this.tools.size === 0) this.toolsBusySince = performance.now();
    this.tools.set(gate.toolUseId, { name: gate.name, startedAt: performance.now() });
    this.reached.push(gate.name);
    const input = JSON.stringify(gate.input) ?? '';
    return {
      type: 'tool.started',
      seq: this.seq,
      toolUseId: gate.toolUseId,
      name: gate.name,
      input: cutText(input, inputLength),
      ...parent(gate),
    };
  }

  /** Notes that a permission request waits for a person. */
  permissionAsked(): void {
    if (this.openRequests === 0) this.askingSince = performance.now();
    this.openRequests += 1;
  }

  /** Notes that a permission request is resolved. */
  permissionResolved(): void {
    this.openRequests -= 1;
    if (this.openRequests > 0) return;
    this.askedMs += performance.now() - this.askingSince;
    this.lastActivityAt = performance.now();
  }

  /** The turn's result, from the agent's answer (if there is one) and the outcome. */
  result(answer: AgentResult | undefined, { error, durable, claudeSessionId }: TurnOutcome): TurnResult {
    const sinceBegin = (at: number): number => Math.round((this.queuedMs + at - this.begunAt) * 10) / 10;
    const fields = {
      sessionId: this.turn.sessionId,
      turnId: this.turn.turnId,
      seq: this.seq,
      text: error === undefined ? this.finalText(answer) : this.textSoFar(),
      attempt: this.attempt,
      ...(answer?.structuredOutput === undefined ? {} : { structuredOutput: answer.structuredOutput }),
      ...(this.notices.length === 0 ? {} : { notices: this.notices }),
      costUsd: answer?.costUsd ?? 0,
      tokens: answer?.tokens ?? noTokens,
      ...this.served,
      ...(claudeSessionId === undefined ? {} : { claudeSessionId }),
      durable,
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
    return error === undefined ? { status: 'finished', ...fields } : { status: 'failed', error, ...fields };
  }

  /** How far it has come, for its clocks. */
  get progress(): TurnProgress {
    const now = performance.now();
    const isBusy = this.tools.size > 0 || this.openRequests > 0;
    const askedMs = this.askedMs + (this.openRequests > 0 ? now - this.askingSince : 0);
    return {
      runningMs: now - this.begunAt - askedMs,
      silentMs: isBusy ? 0 : now - this.lastActivityAt,
      hasSpoken: this.hasSpoken,
      costUsd: this.costUsd,
    };
  }

  private noteOutput(): void {
    this.firstEventAt ??= performance.now();
  }

  /** The last message's text, because `result` of the CLI may hold only its first part (a reported hazard). */
  private finalText(answer: AgentResult | undefined): string {
    const last = this.completed.findLast((message) => message.parentToolUseId === undefined);
    const text = last === undefined ? '' : textOf(last);
    return text === '' ? (answer?.text ?? '') : text;
  }

  private forgetStreamed(message: Message): void {
    const streamed = this.streamed.get(message.messageId);
    if (streamed !== undefined && textOf(message).length >= streamed.length) this.streamed.delete(message.messageId);
  }

  /** The text so far. Of a message that was cut off before it was complete, the streamed text counts. */
  private textSoFar(): string {
    const main = this.completed.filter((message) => message.parentToolUseId === undefined);
    const cutOff = new Map(this.streamed);
    const texts = main.map((message) => {
      const streamed = cutOff.get(message.messageId);
      cutOff.delete(message.messageId);
      return streamed ?? textOf(message);
    });
    return [...texts, ...cutOff.values()].filter(Boolean).join('\n\n');
  }
}

/** The event that goes with a result. */
export function endEvent(result: TurnResult): HearthEvent {
  const { seq, turnId } = result;
  if (result.status === 'finished') return { type: 'turn.finished', seq, turnId, result };
  return { type: 'turn.failed', seq, turnId, error: result.error, result };
}

/** How long a turn has waited that was not served, ms. */
export const waitedMs = ({ submittedAt }: HeadTurn): number => Math.max(0, Date.now() - submittedAt);

/** Whether an event shows progress on the prompt, besides the agent's own state. */
const isOutput = ({ kind }: AgentEvent): boolean => ['delta', 'message', 'tool_ended', 'retry'].includes(kind);

function textOf(message: Message): string {
  return message.content
    .map((block) => (block.type === 'text' && typeof block['text'] === 'string' ? block['text'] : ''))
    .join('');
}

function parent(event: { parentToolUseId: string | undefined }): { parentToolUseId?: string } {
  return event.parentToolUseId === undefined ? {} : { parentToolUseId: event.parentToolUseId };
}
