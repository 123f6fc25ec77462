import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { HearthError, type Prompt } from '@hearth/shared';
import type { Logger } from '@hearth/shared/internal';
import { removeHome, untieFromHome } from '../../processes/agent-home.js';
import type { OutOfMemoryKills } from '../../processes/memory-limit.js';
import type { Agent, AgentEnd, AgentEvent, AgentExit, Answer, Launch, RawListener } from '../driver.js';
import { Child } from './child.js';
import { isCommand, isVerbatim, refusalOf } from './composition.js';
import { ControlChannel } from './control.js';
import { declineRequest, isForSession } from './declined-request.js';
import { type Beginning, commandLine, configDir, environment, gateCallback, transcriptFolder } from './launch.js';
import { adoptWorkspace } from './placed-workspace.js';
import type { SharedLogin } from './shared-login.js';
import { TranscriptTail } from './transcript-tail.js';
import { Translator } from './translate.js';
import { type LineOf, parseLine } from './wire.js';

/** ms the CLI has to acknowledge an interrupt or a claim. It was seen to take 2–60. */
const requestDeadlineMs = 10_000;
/** A CLI that does not mirror its transcript may write it after its result, so the files are read again: every so many ms, so many times. */
const lateEntryEveryMs = 100;
const lateEntryLooks = 20;

export interface ClaudeAgentSpec {
  binary: string;
  launch: Launch;
  beginning: Beginning;
  cwd: string;
  workerEnv: NodeJS.ProcessEnv;
  /** The login that the profile's agents share. */
  login: SharedLogin | undefined;
  /** Whether this CLI mirrors its transcript on stdout. Otherwise the worker reads its files. */
  mirrors: boolean;
  /** The version of the binary. */
  version: () => Promise<string>;
  outOfMemoryKills: OutOfMemoryKills;
  log: Logger;
}

/** An agent that is the real CLI. Owns its process and its folder. */
export class ClaudeAgent implements Agent {
  readonly agentId: string;
  readonly claudeSessionId: string;
  readonly exited: Promise<AgentExit>;
  private readonly child: Child;
  private readonly control: ControlChannel;
  private readonly permissions = new Map<string, unknown>();
  private readonly tail: TranscriptTail | undefined;
  private readonly translator: Translator;
  /** Notices from before {@link bind}, such as a failed SessionStart hook. */
  private readonly early: AgentEvent[] = [];
  private onEvent = (event: AgentEvent): void => {
    if (event.kind === 'notice') this.early.push(event);
  };
  private rawListener: RawListener | undefined;
  private readonly log: Logger;

  constructor(private readonly spec: ClaudeAgentSpec) {
    const { launch, beginning } = spec;
    this.agentId = launch.agentId;
    this.log = spec.log.child({ agentId: this.agentId });
    this.claudeSessionId = beginning.claudeSessionId;
    this.translator = new Translator((event) => {
      if (event.kind === 'permission') this.permissions.set(event.requestId, event.input);
      if (event.kind === 'permission_withdrawn') this.permissions.delete(event.requestId);
      this.onEvent(event);
      if (event.kind === 'message' && launch.profile.maxBudgetUsd !== undefined) void this.sayCost();
    });
    this.child = new Child({
      binary: spec.binary,
      args: commandLine(launch.profile, beginning, spec.mirrors),
      cwd: spec.cwd,
      env: environment(launch, spec.workerEnv),
      agentId: launch.agentId,
      outOfMemoryKills: spec.outOfMemoryKills,
      onLine: (text) => this.contain(() => this.onLine(text)),
      onTooLong: (bytes) => {
        this.log.error({ event: 'agent.line_too_long', bytes }, 'the agent printed too long a line; ending the agent');
        void this.end('now');
      },
      onStderr: (text) => this.rawListener?.('err', text),
    });
    const { home } = launch;
    this.tail = spec.mirrors
      ? undefined
      : new TranscriptTail([join(configDir(launch), 'projects'), transcriptFolder(home)]);
    this.control = new ControlChannel((line) => this.write(line));
    this.exited = this.child.exited.then(async (exit) => {
      this.control.close(
        new HearthError(
          'agent_start_failed',
          `The agent ended (${exit.code ?? exit.signal ?? 'not started'}). ${exit.stderrTail}`.trim(),
        ),
      );
      await spec.login?.stop();
      // Everything the agent started is gone, so nothing writes to its home any more.
      await removeHome(home).catch((error: unknown) => {
        this.log.warn({ event: 'agent.home_remove_failed', err: error }, 'could not remove the folders of an agent');
      });
      return exit;
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Performs the handshake, which registers the tool gate's hook. @throws HearthError */
  async initialise(deadlineMs: number): Promise<void> {
    await this.control.ask(
      { subtype: 'initialize', hooks: { PreToolUse: [{ matcher: null, hookCallbackIds: [gateCallback] }] } },
      deadlineMs,
    );
  }

  async bind(workspace: string, onEvent: (event: AgentEvent) => void): Promise<void> {
    this.onEvent = onEvent;
    for (const notice of this.early.splice(0)) onEvent(notice);
    const { beginning, cwd } = this.spec;
    if (beginning.kind === 'parked')
      await this.control.ask({ subtype: 'claim_session', cwd: workspace }, requestDeadlineMs);
    if (beginning.kind !== 'placed' || cwd === workspace) return;
    await untieFromHome(this.spec.launch.home);
    await adoptWorkspace(workspace, cwd);
  }

  async refusal(prompt: Prompt): Promise<HearthError | undefined> {
    return refusalOf(prompt, this.spec.launch.profile, this.spec.version);
  }

  isCommand(prompt: Prompt): boolean {
    return isCommand(prompt, this.spec.launch.profile);
  }

  prompt(prompt: Prompt): void {
    const uuid = randomUUID();
    this.translator.prompted(uuid);
    const verbatim = isVerbatim(prompt, this.spec.launch.profile) ? { client_composed: true } : {};
    this.write({ type: 'user', message: { role: 'user', content: prompt }, uuid, ...verbatim });
  }

  async interrupt(): Promise<void> {
    await this.control.ask({ subtype: 'interrupt' }, requestDeadlineMs);
  }

  answer(requestId: string, answer: Answer): void {
    const asked = this.permissions.has(requestId);
    const response = asked ? this.permissionAnswer(requestId, answer) : gateAnswer(answer);
    this.write({ type: 'control_response', response: { subtype: 'success', request_id: requestId, response } });
  }

  watch(listener: RawListener | undefined): void {
    this.rawListener = listener;
  }

  async end(how: AgentEnd): Promise<AgentExit> {
    await this.child.end(how);
    return this.exited;
  }

  /** The CLI tells its cost in a text for people: "Estimated cost:        $0.0546". Source: 2.1.329, in mid-turn. */
  private async sayCost(): Promise<void> {
    const before = this.translator.costUsd;
    const answer = await this.control.ask({ subtype: 'get_session_cost' }, requestDeadlineMs).catch(() => undefined);
    const total = /\$(\d+\.\d+)/.exec((answer as { text?: string } | undefined)?.text ?? '')?.[1];
    if (total === undefined)
      this.log.warn(
        { event: 'agent.cost_unknown' },
        'the agent does not say what it costs, so the budget is not checked',
      );
    // The prompt may have ended meanwhile.
    else if (this.translator.costUsd === before) this.onEvent({ kind: 'cost', costUsd: Number(total) - before });
  }

  private write(line: unknown): void {
    const text = JSON.stringify(line);
    this.rawListener?.('in', text);
    this.child.write(text);
  }

  private permissionAnswer(requestId: string, answer: Answer): unknown {
    const input = this.permissions.get(requestId);
    this.permissions.delete(requestId);
    if (!answer.allow) return { behavior: 'deny', message: answer.message, interrupt: answer.endTurn === true };
    const always = answer.remember === undefined ? {} : { updatedPermissions: answer.remember };
    return { behavior: 'allow', updatedInput: answer.input ?? input, ...always };
  }

  private onLine(text: string): void {
    this.log.trace({ event: 'agent.line', line: text }, 'agent line');
    this.rawListener?.('out', text);
    this.onEvent({ kind: 'line' });
    const parsed = parseLine(text);
    if (parsed.kind === 'garbage')
      this.log.warn({ event: 'agent.bad_line', reason: parsed.reason }, 'the agent printed a line that does not parse');
    if (parsed.kind !== 'line') return;
    if (parsed.line.type === 'control_response') return this.control.answered(parsed.line);
    if (parsed.line.type === 'control_request' && !isForSession(parsed.line)) return this.decline(parsed.line);
    if (parsed.line.type === 'result') this.readTail(parsed.line.session_id ?? this.claudeSessionId);
    this.translator.line(parsed.line);
  }

  private decline(request: LineOf<'control_request'>): void {
    const { answer, message } = declineRequest(request);
    this.write({ type: 'control_response', response: answer });
    this.log.info({ event: 'agent.request_declined', subtype: request.request.subtype }, message);
    this.onEvent({ kind: 'notice', code: 'request_declined', message });
  }

  /** An error in handling one agent's output ends that agent, not the worker with all its sessions. */
  private contain(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.error({ event: 'agent.output_failed', err: error }, 'could not handle output of the agent; ending it');
      void this.end('now');
    }
  }

  /** Reads new transcript lines before a result is passed on, and for a while after it, because entries can come late. */
  private readTail(claudeSessionId: string, timesMore = lateEntryLooks): void {
    for (const mirror of this.tail?.take(claudeSessionId) ?? []) this.translator.line(mirror);
    if (this.tail === undefined || timesMore === 0) return;
    setTimeout(() => this.contain(() => this.readTail(claudeSessionId, timesMore - 1)), lateEntryEveryMs).unref();
  }
}

/** `{}` means no opinion, so the usual permission flow continues. */
function gateAnswer(answer: Answer): unknown {
  if (answer.allow) return {};
  return {
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: answer.message,
    },
  };
}
