import { createProducer, type Producer, type Prompt, type TurnHandle, type TurnResult } from '@hearth/producer';
import { describeError, HearthError, toErrorBody } from '@hearth/shared';
import { redisUrlFrom } from '@hearth/shared/internal';
import { Refusal } from './command-line.js';
import { unsupportedFields } from './initialize.js';
import type { Invocation } from './invocation.js';
import { rememberSession } from './last-session.js';
import { Printer } from './printer.js';
import { agrees, checkAgreement, type Launches } from './profile-choice.js';
import { inUse, liveLaunches, type ResolvedTarget, resolveTarget, UnknownSession } from './resolved-target.js';
import { noConversationLine, type Used } from './result-line.js';
import type { Settings } from './settings.js';
import { type ControlRequest, StreamInput } from './stream-input.js';
import { readPrompt } from './text-input.js';
import { TurnLines } from './turn-lines.js';

/** How long a call that ends waits for its turn to stop, ms. */
const stopWithinMs = 2_000;

export interface CallOutput {
  write: (text: string) => void;
  /** Resolves when the reader has kept up. */
  drained: () => Promise<void>;
}

/** One call of the drop-in: finds its session, submits its prompts one after the other, and prints what the CLI would print. */
export class Call {
  private readonly producer: Producer = createProducer({ redisUrl: redisUrlFrom(undefined) });
  private readonly printer: Printer;
  private launches: Launches = {};
  private running: TurnHandle | undefined;
  private served = 0;
  private isRemembered = false;
  private used: Used = { costUsd: 0, tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 } };

  constructor(
    private readonly invocation: Invocation,
    private readonly settings: Settings,
    private readonly output: CallOutput,
    private readonly signal: AbortSignal,
  ) {
    this.printer = new Printer(invocation, output.write);
  }

  /** Runs the call, and resolves with the exit code. @throws Refusal | HearthError */
  async run(): Promise<number> {
    try {
      this.launches = await liveLaunches(this.producer);
      const target = await this.target();
      let isError = false;
      for await (const prompt of this.prompts(target)) {
        isError = await this.serve(target, prompt);
        if (this.signal.aborted) break;
      }
      return isError ? 1 : 0;
    } finally {
      await this.producer.close();
    }
  }

  /** Stops the running turn in band. */
  async stop(): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    const session = this.producer.session(running.sessionId);
    await session.interrupt({ turnId: running.turnId, deadlineMs: stopWithinMs }).catch(() => undefined);
  }

  private async *prompts(target: ResolvedTarget): AsyncGenerator<Prompt> {
    if (this.invocation.input === 'text') return yield await readPrompt(this.invocation.prompt, process.stdin);
    const input = new StreamInput(process.stdin, (request) => {
      if (request.request.subtype === 'initialize') this.initialize(request, target, input);
      else void this.control(request);
    });
    yield* input.prompts();
  }

  private async target(): Promise<ResolvedTarget> {
    const target = await resolveTarget(this.producer, this.invocation, this.launches, this.settings).catch(
      (error: unknown) => {
        if (error instanceof UnknownSession && this.invocation.output === 'stream-json')
          this.printer.line(noConversationLine(error.sessionId, error.message));
        throw error;
      },
    );
    checkAgreement(this.invocation.launchFlags, target.launchedAs, this.launches[target.launchedAs]);
    return target;
  }

  /** Serves one prompt. True when the CLI would call it an error. */
  private async serve(target: ResolvedTarget, prompt: Prompt): Promise<boolean> {
    const turn = await this.submit(target, prompt);
    this.running = turn;
    if (this.signal.aborted) await this.stop();
    if (target.kind !== 'once') this.remember(target.sessionId);
    const launch = this.launches[target.launchedAs];
    const lines = new TurnLines({
      sessionId: target.sessionId,
      model: launch?.model ?? 'default',
      permissionMode: launch?.permissionMode ?? 'default',
      partialMessages: this.invocation.partialMessages,
      subAgentText: this.invocation.subAgentText,
    });
    if (this.invocation.replayPrompts) this.printer.line(lines.prompt(prompt));
    for await (const event of turn) {
      for (const line of lines.event(event)) this.printer.line(line);
      if (event.type === 'permission.requested') await this.deny(turn, event.requestId, event.name);
      await this.output.drained();
      if (event.type === 'turn.finished' || event.type === 'turn.failed') {
        this.running = undefined;
        const result = lines.result(event.result, await this.sums(target, event.result));
        this.printer.line(result);
        if (result['subtype'] !== 'success' && event.type === 'turn.failed')
          process.stderr.write(`${describeError(event.error)}\n`);
        return result['is_error'] === true;
      }
    }
    throw new HearthError('turn_gone', `The outcome of turn ${turn.turnId} is not known.`);
  }

  /** The turn is accepted, so its answer is worth more than the next `--continue`. */
  private remember(sessionId: string): void {
    if (this.isRemembered) return;
    this.isRemembered = true;
    try {
      rememberSession(this.settings.name, sessionId);
    } catch (error) {
      process.stderr.write(`warning: --continue will not find this session: ${describeError(toErrorBody(error))}\n`);
    }
  }

  private async submit(target: ResolvedTarget, prompt: Prompt): Promise<TurnHandle> {
    const { profile } = target;
    if (target.kind === 'once') return this.producer.prompt(prompt, { profile });
    const turn = await this.producer.session(target.sessionId).prompt(prompt, { profile });
    if (target.kind === 'new' && turn.seq !== 1) {
      // Another call opened a session with this id meanwhile.
      await turn.cancel();
      throw inUse(target.sessionId);
    }
    target.kind = 'known';
    return turn;
  }

  /** Totals that the CLI counts beyond a turn: results and usage of its process, cost of the session. */
  private async sums({ sessionId, kind }: ResolvedTarget, { tokens, costUsd }: TurnResult) {
    const summary = kind === 'once' ? undefined : await this.producer.session(sessionId).summary();
    const before = this.used;
    this.used = {
      costUsd: before.costUsd + costUsd,
      tokens: {
        input: before.tokens.input + tokens.input,
        output: before.tokens.output + tokens.output,
        cacheRead: before.tokens.cacheRead + tokens.cacheRead,
        cacheWrite: before.tokens.cacheWrite + tokens.cacheWrite,
      },
    };
    const index = this.served;
    this.served += 1;
    return { totalCostUsd: summary?.costUsd ?? costUsd, used: this.used, index };
  }

  /** Denies a permission request, because `claude -p` asks no person. */
  private async deny({ sessionId }: TurnHandle, requestId: string, name: string): Promise<void> {
    if (this.settings.permissions === 'wait') return;
    const message = `Claude requested permissions to use ${name}, but you haven't granted it yet.`;
    // Another process may have answered before.
    await this.producer.session(sessionId).answer(requestId, { decision: 'deny', message }).catch(ignoreHearthErrors);
  }

  private async control({ request_id, request: { subtype } }: ControlRequest): Promise<void> {
    if (subtype === 'interrupt') await this.stop();
    this.respond(
      request_id,
      subtype === 'interrupt' ? undefined : `hearth-claude does not support the control request ${subtype}`,
    );
  }

  /**
   * Refuses what the agent does not have, and ends the call: the Agent SDK sends its prompt whatever the answer is, and a safety hook of the
   * host would never run.
   */
  private initialize({ request_id, request }: ControlRequest, target: ResolvedTarget, input: StreamInput): void {
    const launch = this.launches[target.launchedAs];
    const unsupported = unsupportedFields(request, (flag) => agrees(flag, launch));
    if (unsupported.length === 0) return this.respond(request_id, undefined);
    const error = `hearth-claude does not support ${unsupported.join(', ')} of initialize, because the agent was launched before the call: put that into the profile "${target.launchedAs}" (hooks into its settings)`;
    this.respond(request_id, error);
    input.refuse(new Refusal(`error: ${error}`));
  }

  private respond(request_id: string, error: string | undefined): void {
    const response =
      error === undefined ? { subtype: 'success', request_id, response: {} } : { subtype: 'error', request_id, error };
    this.printer.line({ type: 'control_response', response });
  }
}

function ignoreHearthErrors(error: unknown): void {
  if (!(error instanceof HearthError)) throw error;
}
