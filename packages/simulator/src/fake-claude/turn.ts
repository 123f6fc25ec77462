import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, answer } from '../model-api/answer.js';
import { type ApiMessage, readConversation } from '../model-api/conversation.js';
import { spoken } from '../model-api/directives.js';
import { DirectiveError } from '../model-api/fields.js';
import { type ApiEvent, message, messageEvents } from '../model-api/stream.js';
import { withScenario } from '../scenario.js';
import { type ApiFailure, failuresOf, usageLimitText } from './api-failures.js';
import type { Flags } from './flags.js';
import { type Hazards, parseScript, type Script } from './hazards.js';
import type { Mischief } from './mischief.js';
import type { Line, Output } from './output.js';
import type { Permissions, ToolCall } from './permissions.js';
import type { Surroundings } from './surroundings.js';
import { noSuchTool, runTool, type ToolOutcome, tools } from './tools.js';
import type { Transcript } from './transcript.js';
import type { TurnEnd } from './turn-end.js';

/** What a turn works with. */
export interface Session {
  readonly id: string;
  readonly cwd: string;
  readonly model: string;
  readonly transcript: Transcript;
  readonly output: Output;
  readonly permissions: Permissions;
  readonly mischief: Mischief;
  readonly surroundings: Surroundings;
  readonly flags: Flags;
  readonly offeredTools: readonly string[];
  mirror(hazards: Hazards): void;
}

type FullMessage = ReturnType<typeof message>;

const rejected =
  "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed.";

/** The host stopped the turn while it had the say on a tool. */
class Stopped extends Error {}

/** One turn: what the model says, the tools it uses, and what goes wrong. */
export class Turn {
  private readonly interrupted = new AbortController();
  private readonly startedAt = performance.now();
  private readonly denials: ToolCall[] = [];
  private readonly prompt: string;
  private script: Script;
  private scriptError: DirectiveError | undefined;
  private rounds = 0;
  private pieces = 0;
  private inputTokens = 0;
  private outputTokens = 0;
  /** The block that is being said, and the tool that has no result yet: what an interrupt cuts. */
  private saying: { full: FullMessage; index: number; text: string } | undefined;
  private using: { id: string; assistantUuid: string } | undefined;

  constructor(private readonly session: Session) {
    this.prompt = readConversation(session.transcript.messages).said.at(-1) ?? '';
    this.script = parseScript('');
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

  crash(at: 'after-answer' | 'after-result'): void {
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
    const { session, hazards, script } = this;
    const { signal } = this.interrupted;
    if (this.scriptError !== undefined)
      return this.apiError({ status: 400, text: `API Error: 400 ${this.scriptError.message}` });
    session.mischief.begin(hazards);
    session.mischief.crash('before', hazards, `${session.id} ${this.prompt}`);
    for (;;) {
      session.output.said(session.id, { type: 'system', subtype: 'status', status: 'requesting' });
      // The prompt is in the host's hands before a word is said.
      session.mirror(hazards);
      if (script.hang) await forever(signal);
      if (script.delayMs > 0 && this.rounds === 0) await sleep(script.delayMs, undefined, { signal });
      if (hazards.usageLimit) return this.apiError({ status: 429, text: usageLimitText });
      if (this.rounds === 0) {
        const failure = await this.fail();
        if (failure !== undefined) return this.apiError(failure);
      }
      const full = this.nextMessage();
      this.rounds += 1;
      this.outputTokens += full.usage.output_tokens;
      this.inputTokens += full.usage.input_tokens;
      const uses = await this.stream(full);
      session.mirror(hazards);
      if (uses.length === 0) return this.end(full);
      for (const { call, assistantUuid } of uses) await this.use(call, assistantUuid);
      if (this.rounds >= session.flags.maxTurns) return this.maxTurns();
    }
  }

  private nextMessage(): FullMessage {
    const { session, script } = this;
    const { transcript, surroundings } = session;
    const conversation = readConversation(transcript.messages);
    const said = spoken(conversation.said, () => true);
    const told: Answer = answer(
      { ...conversation, said },
      { ...script, say: tellings(script, surroundings) ?? script.say },
    );
    return message(session.model, told, Math.ceil(transcript.characters / 4));
  }

  /** Says the message; returns the tools it asks for. */
  private async stream(full: FullMessage): Promise<{ call: ToolCall; assistantUuid: string }[]> {
    const uses: { call: ToolCall; assistantUuid: string }[] = [];
    for (const { event, isText, block } of messageEvents(full, this.script.chunks)) {
      if (isText) await this.beforePiece();
      if (event.type === 'content_block_start') this.saying = { full, index: Number(event['index']), text: '' };
      if (isText && this.saying !== undefined) this.saying.text += (event['delta'] as { text: string }).text;
      if (block !== undefined) {
        this.saying = undefined;
        const assistantUuid = this.assistant(full, block);
        const use = block as { type: string; id: string; name: string; input: Line };
        if (use.type === 'tool_use')
          uses.push({ call: { id: use.id, name: use.name, input: use.input }, assistantUuid });
      }
      this.streamEvent(event);
      if (event.type === 'content_block_start') this.countThinking(event);
    }
    return uses;
  }

  private async beforePiece(): Promise<void> {
    const { hazards, script, session } = this;
    if (hazards.stallAfter !== undefined && this.pieces >= hazards.stallAfter) await session.mischief.stall();
    if (this.pieces > 0) {
      session.mischief.crash('during', hazards, `${session.id} ${this.prompt}`);
      if (script.everyMs > 0) await sleep(script.everyMs, undefined, { signal: this.interrupted.signal });
    }
    this.pieces += 1;
  }

  private streamEvent(event: ApiEvent['event']): void {
    const { session } = this;
    if (session.flags.partialMessages)
      session.output.said(session.id, { type: 'stream_event', event, parent_tool_use_id: null });
  }

  private countThinking(event: ApiEvent['event']): void {
    const { session } = this;
    if (
      (event['content_block'] as { type: string }).type !== 'thinking' ||
      !session.surroundings.abilities.countsThinking
    )
      return;
    session.output.said(session.id, { type: 'system', subtype: 'thinking_tokens', estimated_tokens: 1 });
  }

  private assistant(full: FullMessage, block: object): string {
    const { session } = this;
    const { stop_reason, usage, ...head } = full;
    const content = [block as { type: string }];
    const uuid = session.transcript.message({ ...head, content, stop_reason, usage });
    const said = { ...head, content, stop_reason: null, usage: { ...usage, output_tokens: 1 } };
    session.output.said(session.id, { type: 'assistant', message: said, parent_tool_use_id: null, uuid });
    return uuid;
  }

  private async use(call: ToolCall, assistantUuid: string): Promise<void> {
    const { session } = this;
    const { signal } = this.interrupted;
    signal.throwIfAborted();
    this.using = { id: call.id, assistantUuid };
    const outcome = await this.outcome(call);
    this.toolResult(call.id, assistantUuid, outcome);
    this.using = undefined;
    session.mischief.crash('after-tool', this.hazards, `${session.id} ${this.prompt}`);
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
    if (decision.kind === 'stop') throw new Stopped();
    if (decision.kind === 'refused')
      return { content: decision.message, isError: true, result: `Error: ${decision.message}` };
    return runTool(
      call.name,
      decision.input,
      { cwd: session.cwd, sessionId: session.id, surroundings: session.surroundings },
      signal,
    );
  }

  private toolResult(toolUseId: string, sourceToolAssistantUUID: string, outcome: ToolOutcome): void {
    const { content, isError, result } = outcome;
    const block = { type: 'tool_result', tool_use_id: toolUseId, content, is_error: isError };
    this.user([block], { toolUseResult: result, sourceToolAssistantUUID }, { tool_use_result: result });
  }

  private user(content: ApiMessage['content'], entryFields: Line = {}, lineFields: Line = {}): void {
    const { session } = this;
    const said = { role: 'user', content };
    const uuid = session.transcript.message(said, entryFields);
    session.output.said(session.id, { type: 'user', message: said, parent_tool_use_id: null, uuid, ...lineFields });
  }

  /** Tells of the attempts that fail; returns the failure that is left when no more are made. */
  private async fail(): Promise<ApiFailure | undefined> {
    const { session } = this;
    const { retries, failure } = failuresOf(this.script);
    for (const retry of retries) {
      session.output.said(session.id, { type: 'system', subtype: 'api_retry', ...retry });
      session.transcript.note('system', { subtype: 'api_error', level: 'error' });
      await sleep(retry.retry_delay_ms, undefined, { signal: this.interrupted.signal });
    }
    return failure;
  }

  private apiError({ status, text }: ApiFailure): TurnEnd {
    const { session } = this;
    const content = [{ type: 'text', text }];
    const head = { id: randomUUID(), type: 'message', role: 'assistant', model: '<synthetic>', stop_sequence: '' };
    const said = { ...head, content, stop_reason: 'stop_sequence', usage: { input_tokens: 0, output_tokens: 0 } };
    const uuid = session.transcript.message(said, { isApiErrorMessage: true });
    session.output.said(session.id, {
      type: 'assistant',
      message: said,
      parent_tool_use_id: null,
      uuid,
      error: status === 429 ? 'rate_limit' : 'unknown',
      is_api_error_message: true,
      api_error_status: status,
    });
    return {
      ...this.counted(),
      subtype: 'success',
      isError: true,
      text,
      terminalReason: 'api_error',
      stopReason: 'stop_sequence',
      apiErrorStatus: status,
      rounds: 1,
    };
  }

  private end(full: FullMessage): TurnEnd {
    const text =
      (full.content as { type: string; text?: string }[]).findLast(({ type }) => type === 'text')?.text ?? '';
    return {
      ...this.counted(),
      subtype: 'success',
      isError: false,
      text,
      terminalReason: 'completed',
      stopReason: full.stop_reason,
      apiErrorStatus: null,
    };
  }

  private maxTurns(): TurnEnd {
    return {
      ...this.counted(),
      subtype: 'error_max_turns',
      isError: true,
      errors: [`Reached maximum number of turns (${this.session.flags.maxTurns})`],
      terminalReason: 'max_turns',
      stopReason: 'tool_use',
      rounds: this.rounds + 1,
    };
  }

  /** Leaves the conversation as the CLI does: what was said is kept, every tool has a result, and a remark says why. */
  private abort(): TurnEnd {
    const { saying, using } = this;
    if (saying !== undefined && saying.text !== '') this.assistant(saying.full, { type: 'text', text: saying.text });
    if (using !== undefined)
      this.toolResult(using.id, using.assistantUuid, {
        content: rejected,
        isError: true,
        result: 'User rejected tool use',
      });
    const remark = using === undefined ? '[Request interrupted by user]' : '[Request interrupted by user for tool use]';
    this.user([{ type: 'text', text: remark }]);
    if (saying !== undefined) {
      this.streamEvent({ type: 'content_block_stop', index: saying.index });
      this.streamEvent({ type: 'message_stop' });
    }
    return {
      ...this.counted(),
      subtype: 'error_during_execution',
      isError: true,
      errors: ['[ede_diagnostic] result_type=user last_content_type=n/a'],
      terminalReason: using === undefined ? 'aborted_streaming' : 'aborted_tools',
      stopReason: using === undefined ? null : 'tool_use',
      rounds: this.rounds + 1,
    };
  }

  private counted() {
    const { rounds, denials, inputTokens, outputTokens, startedAt } = this;
    return { rounds, denials, inputTokens, outputTokens, durationMs: Math.round(performance.now() - startedAt) };
  }
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
