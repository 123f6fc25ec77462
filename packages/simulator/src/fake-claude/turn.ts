import { setTimeout as sleep } from 'node:timers/promises';
import { answer } from '../model-api/answer.js';
import { readConversation } from '../model-api/conversation.js';
import { spoken } from '../model-api/directives.js';
import { DirectiveError } from '../model-api/fields.js';
import { message } from '../model-api/stream.js';
import { withScenario } from '../scenario.js';
import { type ApiFailure, failuresOf, usageLimitResetsAt, usageLimitText } from './api-failures.js';
import { promptHead } from './flags.js';
import { type CrashPoint, type Hazards, parseScript, type Script } from './hazards.js';
import { onlyReads, type ToolCall } from './permissions.js';
import type { Session } from './session.js';
import { type FullMessage, Speech, type ToolUse } from './speech.js';
import type { Surroundings } from './surroundings.js';
import { noSuchTool, runTool, type ToolOutcome, tools } from './tools.js';
import type { TurnEnd } from './turn-end.js';
import { noUsage, promptUsage, sum } from './usage.js';

/** The host stopped the turn while it decided about a tool. */
class Stopped extends Error {}

/** One turn: the model's messages, the tools, and the hazards. */
export class Turn {
  private readonly interrupted = new AbortController();
  private readonly startedAt = performance.now();
  private readonly denials: ToolCall[] = [];
  private readonly speech: Speech;
  private readonly prompt: string;
  private script = parseScript('');
  private scriptError: DirectiveError | undefined;
  private rounds = 0;
  private pieces = 0;
  private usage = noUsage;
  /** Tools without a result. */
  private using: readonly ToolUse[] = [];

  /** Answers the last prompt of the transcript. */
  constructor(private readonly session: Session) {
    this.speech = new Speech(session);
    this.prompt = readConversation(session.transcript.messages).said.at(-1) ?? '';
    try {
      this.script = parseScript(withScenario(this.prompt, session.surroundings.scenario));
    } catch (error) {
      if (!(error instanceof DirectiveError)) throw error;
      this.scriptError = error;
    }
  }

  get hazards(): Hazards {
    return this.script.hazards;
  }

  interrupt(): void {
    this.interrupted.abort();
  }

  /** Resolves when the host interrupts the turn. */
  async interruption(): Promise<void> {
    await forever(this.interrupted.signal).catch(() => undefined);
  }

  /** Ends the process if the script says so here. Retries of the prompt in other processes are counted together. */
  crash(at: CrashPoint): void {
    this.session.mischief.crash(at, this.hazards, `${this.session.id} ${this.prompt}`);
  }

  async run(): Promise<TurnEnd> {
    try {
      return await this.play();
    } catch (error) {
      if (!(error instanceof Stopped) && !this.interrupted.signal.aborted) throw error;
      return this.abort();
    }
  }

  private async play(): Promise<TurnEnd> {
    const { session, hazards, script, scriptError } = this;
    const { signal } = this.interrupted;
    if (scriptError !== undefined) return this.apiError({ status: 400, text: `API Error: 400 ${scriptError.message}` });
    session.mischief.begin(hazards);
    this.crash('before');
    for (;;) {
      session.output.said(session.id, { type: 'system', subtype: 'status', status: 'requesting' });
      // The host knows that the prompt has started before any output.
      session.mirror(hazards);
      signal.throwIfAborted();
      if (script.hang) await forever(signal);
      if (this.rounds === 0) {
        if (script.delayMs > 0) await sleep(script.delayMs, undefined, { signal });
        const failure = await this.fail();
        if (failure !== undefined) return this.apiError(failure);
      }
      const full = this.nextMessage();
      const uses = await this.speech.say(full, script.chunks, () => this.beforePiece());
      session.mirror(hazards);
      if (uses.length === 0) return this.end(full);
      this.using = uses;
      for (const together of sideBySide(uses)) await this.use(together);
      if (this.rounds >= session.flags.maxTurns) return this.maxTurns();
    }
  }

  private nextMessage(): FullMessage {
    const { session, script } = this;
    const conversation = readConversation(session.transcript.messages);
    const said = spoken(conversation.said, () => true);
    const told = { ...script, say: tellings(script, session.surroundings) ?? script.say };
    const promptLength = Math.ceil(session.transcript.characters / 4);
    const plain = message(session.model, answer({ ...conversation, said }, told), promptLength);
    const prompt = promptUsage(promptLength, session.transcript.cachedAfter(promptHead(session)));
    const usage = { ...prompt, output_tokens: plain.usage.output_tokens };
    this.rounds += 1;
    this.usage = sum(this.usage, usage);
    session.ledger.spend(this.usage);
    return { ...plain, usage };
  }

  private async beforePiece(): Promise<void> {
    const { hazards, script, session } = this;
    if (hazards.stallAfter !== undefined && this.pieces >= hazards.stallAfter) await session.mischief.stall();
    if (this.pieces > 0) {
      this.crash('during');
      if (script.everyMs > 0) await sleep(script.everyMs, undefined, { signal: this.interrupted.signal });
    }
    this.pieces += 1;
  }

  /** Runs tools side by side: asks about all at once, and reports each when it is done. */
  private async use(uses: readonly ToolUse[]): Promise<void> {
    this.interrupted.signal.throwIfAborted();
    const used = await Promise.allSettled(
      uses.map(async (use) => {
        this.speech.toolResult(use, await this.outcome(use.call));
        this.using = this.using.filter((other) => other !== use);
        this.crash('after-tool');
      }),
    );
    for (const one of used) if (one.status === 'rejected') throw one.reason;
  }

  private async outcome(call: ToolCall): Promise<ToolOutcome> {
    const { session } = this;
    const { signal } = this.interrupted;
    if (!tools.has(call.name)) return noSuchTool(call.name);
    if (!session.offeredTools.includes(call.name))
      return noSuchTool(call.name, `. ${call.name} is disabled for this session, in subagents as well as here.`);
    const about = {
      session_id: session.id,
      transcript_path: session.transcript.file,
      cwd: session.cwd,
      permission_mode: session.permissions.mode,
    };
    const decision = await session.permissions.decide(call, about, signal);
    if (decision.kind !== 'run' && decision.isDenial) this.denials.push(call);
    if (decision.kind === 'stop') {
      // Requests for the other tools are withdrawn.
      this.interrupt();
      throw new Stopped();
    }
    if (decision.kind === 'refused')
      return { content: decision.message, isError: true, result: `Error: ${decision.message}` };
    const place = { cwd: session.cwd, sessionId: session.id, surroundings: session.surroundings };
    return runTool(call.name, decision.input, place, signal);
  }

  /** Reports failing attempts. Returns the failure that remains when no more attempts are made. */
  private async fail(): Promise<ApiFailure | undefined> {
    const { session } = this;
    if (this.hazards.usageLimit) return { status: 429, text: usageLimitText, resetsAt: usageLimitResetsAt };
    const { retries, failure } = failuresOf(this.script);
    for (const retry of retries) {
      session.output.said(session.id, { type: 'system', subtype: 'api_retry', ...retry });
      session.transcript.note('system', { subtype: 'api_error', level: 'error' });
      await sleep(retry.retry_delay_ms, undefined, { signal: this.interrupted.signal });
    }
    return failure;
  }

  private apiError(failure: ApiFailure): TurnEnd {
    this.speech.apiError(failure);
    return {
      ...this.counted(),
      subtype: 'success',
      isError: true,
      text: failure.text,
      terminalReason: this.session.surroundings.abilities.reasonOfApiError,
      stopReason: 'stop_sequence',
      apiErrorStatus: failure.status,
      rounds: 1,
    };
  }

  private end(full: FullMessage): TurnEnd {
    const blocks = full.content as { type: string; text?: string }[];
    const text = blocks.findLast(({ type }) => type === 'text')?.text ?? '';
    const ended = { isError: false, text, terminalReason: 'completed', stopReason: full.stop_reason } as const;
    return { ...this.counted(), ...ended, subtype: 'success', apiErrorStatus: null };
  }

  private maxTurns(): TurnEnd {
    const errors = [`Reached maximum number of turns (${this.session.flags.maxTurns})`];
    const ended = { isError: true, errors, terminalReason: 'max_turns', stopReason: 'tool_use' } as const;
    return { ...this.counted(), ...ended, subtype: 'error_max_turns', rounds: this.rounds + 1 };
  }

  private abort(): TurnEnd {
    this.speech.breakOff(this.using);
    return {
      ...this.counted(),
      subtype: 'error_during_execution',
      isError: true,
      errors: ['[ede_diagnostic] result_type=user last_content_type=n/a'],
      terminalReason: this.using.length === 0 ? 'aborted_streaming' : 'aborted_tools',
      stopReason: this.using.length === 0 ? null : 'tool_use',
      rounds: this.rounds + 1,
    };
  }

  private counted() {
    const { rounds, denials, usage, startedAt } = this;
    return { rounds, denials, usage, durationMs: Math.round(performance.now() - startedAt) };
  }
}

/** Tools that only read run side by side. Every other tool runs alone. */
function sideBySide(uses: readonly ToolUse[]): ToolUse[][] {
  const groups: ToolUse[][] = [];
  for (const use of uses) {
    const last = groups.at(-1);
    if (last?.every(({ call }) => onlyReads(call)) && onlyReads(use.call)) last.push(use);
    else groups.push([use]);
  }
  return groups;
}

/** `[[argv]]` and `[[env NAME]]`. */
function tellings({ hazards: { tells } }: Script, { argv, env }: Surroundings): string | undefined {
  const told = tells.env.map((name) => `${name}=${env[name] ?? ''}`);
  if (tells.argv) told.unshift(JSON.stringify(argv));
  return told.length === 0 ? undefined : told.join('\n');
}

async function forever(signal: AbortSignal): Promise<never> {
  for (;;) await sleep(60_000, undefined, { signal });
}
