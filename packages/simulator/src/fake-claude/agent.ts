import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import type { ApiMessage } from '../model-api/conversation.js';
import type { Control, Response } from './control.js';
import { FlagError, type Flags } from './flags.js';
import type { Hazards } from './hazards.js';
import { Mischief } from './mischief.js';
import type { Line, Output } from './output.js';
import { Permissions } from './permissions.js';
import { answerPlainly, type Settings } from './plain-requests.js';
import { PromptQueue, textOf } from './prompt-queue.js';
import type { Session } from './session.js';
import type { Surroundings } from './surroundings.js';
import { tools } from './tools.js';
import { isTaken, projectFolder, Transcript } from './transcript.js';
import { Turn } from './turn.js';
import { Ledger, notBegun } from './turn-end.js';

const notClaimed =
  'not_claimed: this process was started with --await-claim and has not been claimed; send claim_session before the first message';
const cwdNotFound = 'cwd_not_found: the claim cwd does not exist or is not accessible';
const notASpare =
  'not_a_spare: claim_session is only accepted by a process started with --await-claim that has not been claimed yet';

/** `--resume` of an unknown session: reported as a result, and on stderr. */
export class NoConversation extends Error {
  override readonly name = 'NoConversation';
}

/** The process as its host sees it: one session, prompts one after the other, control requests in between. */
export class Agent implements Session, Settings {
  readonly permissions: Permissions;
  readonly mischief: Mischief;
  readonly offeredTools: readonly string[];
  id: string;
  cwd: string;
  model: string;
  readonly ledger: Ledger;
  private readonly queue: PromptQueue;
  private readonly startedAt = performance.now();
  private past: Transcript | undefined;
  private turn: Turn | undefined;
  private isWorking = false;
  private interruptsNext = false;
  private isInitialised = false;
  private isParked: boolean;
  private hasInputEnded = false;

  /** @throws FlagError, NoConversation */
  constructor(
    readonly flags: Flags,
    readonly surroundings: Surroundings,
    readonly output: Output,
    private readonly control: Control,
    cwd: string,
    private readonly onDone: () => void,
  ) {
    this.cwd = cwd;
    this.queue = new PromptQueue(surroundings.scenario);
    this.model = flags.model ?? 'claude-simulated';
    this.permissions = new Permissions(flags, surroundings.abilities, control);
    this.mischief = new Mischief(output, control, this.permissions, surroundings);
    this.offeredTools = [...tools.keys()].filter(
      (name) => (flags.tools?.includes(name) ?? true) && !flags.disallowedTools.includes(name),
    );
    this.isParked = flags.awaitClaim;
    this.id = flags.sessionId ?? randomUUID();
    if (flags.resume !== undefined) this.resume(flags.resume);
    else if (isTaken(surroundings.configDir, this.id))
      throw new FlagError(`Error: Session ID ${this.id} is already in use.`);
    this.ledger = new Ledger(surroundings.abilities.numbersResults, this.past?.costState);
  }

  /** A spare has no transcript before it is claimed, because its place depends on the folder. */
  get transcript(): Transcript {
    const { configDir } = this.surroundings;
    this.past ??= Transcript.begin(join(projectFolder(configDir, this.cwd), `${this.id}.jsonl`), this.stamp);
    return this.past;
  }

  get characters(): number {
    return this.past?.characters ?? 0;
  }

  prompt(content: ApiMessage['content']): void {
    if (this.isParked) return this.tell(this.ledger.result(notBegun(notClaimed), this.model));
    this.transcript.note('queue-operation', { operation: 'enqueue', content });
    this.queue.add(content);
    // After everything that came with it, because prompts written at once are queued at once.
    setImmediate(() => void this.work());
  }

  request(requestId: string, request: Line): void {
    this.control.answer(requestId, this.respond(request));
  }

  /** Ends an idle process at once. A turn finishes first, tools included. */
  inputEnded(): void {
    this.hasInputEnded = true;
    this.control.inputEnded();
    if (!this.isWorking && this.queue.isEmpty) this.onDone();
  }

  /** SIGTERM. An idle CLI leaves its costs in the transcript. */
  terminated(): void {
    if (this.isWorking || this.past === undefined) return;
    this.past.note('cost-state', { ...this.ledger.costState });
    this.mirror({ unmirrored: false, resultFirst: false });
  }

  /** Mirrors new transcript entries to the host. */
  mirror({ unmirrored, resultFirst }: Pick<Hazards, 'unmirrored' | 'resultFirst'>): void {
    if (resultFirst) return;
    const entries = this.transcript.takeUnmirrored();
    if (entries.length === 0 || unmirrored || !this.flags.sessionMirror) return;
    this.output.line({ type: 'transcript_mirror', filePath: this.transcript.file, entries });
  }

  private readonly stamp = () => ({
    cwd: this.cwd,
    sessionId: this.id,
    version: this.surroundings.version,
    permissionMode: this.permissions.mode,
  });

  private resume(what: string): void {
    const isFile = what.endsWith('.jsonl');
    const file = isFile ? what : join(projectFolder(this.surroundings.configDir, this.cwd), `${what}.jsonl`);
    if (!existsSync(file))
      throw new NoConversation(`No conversation found with session ID: ${basename(what, '.jsonl')}`);
    this.id = Transcript.sessionIdOf(file);
    this.past = Transcript.resume(file, this.stamp);
  }

  private async work(): Promise<void> {
    if (this.isWorking) return;
    this.isWorking = true;
    for (let content = await this.queue.next(); content !== undefined; content = await this.queue.next()) {
      this.transcript.note('queue-operation', { operation: 'dequeue' });
      this.transcript.message({ role: 'user', content }, { promptId: randomUUID() });
      await this.play();
    }
    this.isWorking = false;
    if (this.hasInputEnded) this.onDone();
  }

  private async play(): Promise<void> {
    const turn = new Turn(this);
    this.turn = turn;
    if (this.interruptsNext) turn.interrupt();
    this.interruptsNext = false;
    if (turn.hazards.mute) await turn.interruption();
    this.tell(this.initLine());
    const { hazards } = turn;
    const end = await turn.run();
    this.turn = undefined;
    turn.crash('after-answer');
    this.mirror(hazards);
    const text = hazards.firstPartResult ? end.text?.slice(0, Math.ceil(end.text.length / 2)) : end.text;
    const result = this.ledger.result(text === undefined ? end : { ...end, text }, this.model);
    const isLate = hazards.lateResultMs > 0 && (end.terminalReason?.startsWith('aborted') ?? false);
    if (isLate) this.tellLater(result, hazards.lateResultMs);
    else if (!hazards.noResult) this.tell(result);
    if (hazards.resultFirst) this.mirror({ ...hazards, resultFirst: false });
    turn.crash('after-result');
    this.transcript.note('last-prompt', {});
    this.mirror(hazards);
    if (hazards.secondResultMs !== undefined) this.tellLater(result, hazards.secondResultMs);
  }

  private tell(line: Line): void {
    this.output.said(this.id, line);
  }

  private tellLater(line: Line, ms: number): void {
    setTimeout(() => this.output.saidLate(this.id, line), ms);
  }

  private initLine(): Line {
    return {
      type: 'system',
      subtype: 'init',
      cwd: this.cwd,
      tools: this.offeredTools,
      mcp_servers: [],
      model: this.model,
      permissionMode: this.permissions.mode,
      slash_commands: [],
      apiKeySource: 'none',
      claude_code_version: this.surroundings.version,
      output_style: 'default',
      agents: [],
      skills: [],
      plugins: [],
    };
  }

  private respond(request: Line): Response {
    switch (request['subtype']) {
      case 'initialize':
        return this.initialise(request);
      case 'interrupt':
        // A prompt that has just come has no turn yet.
        if (this.turn === undefined) this.interruptsNext = !this.queue.isEmpty;
        else this.turn.interrupt();
        return { response: { still_queued: [] } };
      case 'claim_session':
        return this.claim(request['cwd']);
      default:
        return answerPlainly(request, this);
    }
  }

  private initialise(request: Line): Response {
    if (this.isInitialised) return { error: 'Already initialized' };
    this.isInitialised = true;
    this.permissions.hook(request['hooks'] as Line | undefined);
    setImmediate(() => void this.continueUnfinished());
    return {
      response: {
        commands: [],
        agents: [],
        output_style: 'default',
        available_output_styles: ['default'],
        models: [],
        account: { tokenSource: 'none', apiKeySource: 'none' },
        pid: process.pid,
        claude_code_version: this.surroundings.version,
        current_permission_mode: this.permissions.mode,
      },
    };
  }

  /** Hazard: continues the turn in which the process was killed. */
  private async continueUnfinished(): Promise<void> {
    const past = this.past;
    if (this.flags.resume === undefined || this.isWorking || past === undefined || !past.isUnfinished()) return;
    const prompt = past.messages.findLast(({ role, content }) => role === 'user' && textOf(content) !== '');
    if (prompt === undefined || !this.queue.wants(prompt.content, ({ continueOnResume }) => continueOnResume)) return;
    this.isWorking = true;
    await this.play();
    this.isWorking = false;
    await this.work();
  }

  private claim(cwd: unknown): Response {
    if (!this.isParked) return { error: notASpare };
    if (typeof cwd !== 'string' || !isAbsolute(cwd)) return { error: cwdNotFound };
    try {
      accessSync(cwd, constants.R_OK | constants.X_OK);
      this.cwd = realpathSync(cwd);
    } catch {
      return { error: cwdNotFound };
    }
    this.isParked = false;
    const parkedMs = Math.round(performance.now() - this.startedAt);
    return { response: { status: 'ok', cwd: this.cwd, session_id: this.id, parked_ms: parkedMs } };
  }
}
