import { join, resolve } from 'node:path';
import type { Control } from './control.js';
import type { Flags } from './flags.js';
import type { Line } from './output.js';
import { textField } from './text-field.js';
import type { CliVersion } from './versions.js';

export interface ToolCall {
  id: string;
  name: string;
  input: Line;
}

export type Decision =
  | { kind: 'run'; input: Line }
  | { kind: 'refused'; message: string; isDenial: boolean }
  /** The host refused it and ends the turn, or the turn was interrupted meanwhile. */
  | { kind: 'stop'; isDenial: boolean };

interface Hook {
  matcher: string | null | undefined;
  hookCallbackIds: readonly string[];
  timeout?: number | undefined;
}

/** Bash commands that need no permission in default mode. A small part of the real list. */
const harmless = /^(?:echo|ls|pwd|cat|true)\b[^;&|<>$`\n]*$/;

/** Whether a tool changes nothing. Such tools run side by side. */
export const onlyReads = ({ name, input }: ToolCall): boolean =>
  name === 'Read' || (name === 'Bash' && harmless.test(textField(input, 'command')));

/** Decides whether tools may run: the host's PreToolUse hooks, then rules, then the host's permission. */
export class Permissions {
  /** Hazard: the channel is dead for the life of the process. */
  isDead = false;
  mode: string;
  private hooks: readonly Hook[] = [];

  constructor(
    private readonly flags: Flags,
    private readonly abilities: CliVersion,
    private readonly control: Control,
  ) {
    this.mode = flags.permissionMode;
  }

  /** `hooks` of the handshake. */
  hook(hooks: Line | undefined): void {
    this.hooks = (hooks?.['PreToolUse'] ?? []) as readonly Hook[];
  }

  async decide(call: ToolCall, about: Line, signal: AbortSignal): Promise<Decision> {
    for (const hook of this.hooks) {
      if (typeof hook.matcher === 'string' && !new RegExp(`^(?:${hook.matcher})$`).test(call.name)) continue;
      for (const callbackId of hook.hookCallbackIds) {
        const refused = await this.hooked(call, callbackId, hook.timeout, about, signal);
        if (refused !== undefined) return refused;
      }
    }
    if (this.isAllowed(call, textField(about, 'cwd'))) return { kind: 'run', input: call.input };
    return this.permission(call, signal);
  }

  private async hooked(
    { id, name, input }: ToolCall,
    callbackId: string,
    timeout: number | undefined,
    about: Line,
    signal: AbortSignal,
  ): Promise<Decision | undefined> {
    const hookInput = { ...about, hook_event_name: 'PreToolUse', tool_name: name, tool_input: input, tool_use_id: id };
    const reply = await this.control.ask(
      { subtype: 'hook_callback', callback_id: callbackId, input: hookInput, tool_use_id: id },
      signal,
      timeout === undefined ? undefined : timeout * 1000,
    );
    if (reply.kind === 'cancelled') return { kind: 'stop', isDenial: false };
    if (
      reply.kind === 'timed_out' ||
      (reply.kind === 'input_ended' && this.abilities.waitingHookAtInputEnd === 'refused')
    )
      return {
        kind: 'refused',
        message:
          "The user doesn't want to take this action right now. STOP what you are doing and wait for the user to tell you how to proceed.",
        isDenial: false,
      };
    // An error answer lets the tool run. In older versions the end of stdin did too.
    if (reply.kind !== 'success') return undefined;
    const output = (reply.response['hookSpecificOutput'] ?? {}) as Line;
    if (output['permissionDecision'] !== 'deny') return undefined;
    const message = `PreToolUse:${name} hook error: ${textField(output, 'permissionDecisionReason')}`;
    return { kind: 'refused', message, isDenial: true };
  }

  private isAllowed({ name, input }: ToolCall, cwd: string): boolean {
    // A question is always put to the host.
    if (name === 'AskUserQuestion') return false;
    if (this.mode === 'bypassPermissions' || this.mode === 'auto') return true;
    if (name === 'Read' && resolve(cwd, textField(input, 'file_path')).startsWith(join(cwd, '/'))) return true;
    if (name === 'Write' && this.mode === 'acceptEdits') return true;
    const command = textField(input, 'command');
    if (name === 'Bash' && harmless.test(command)) return true;
    return this.flags.allowedTools.some((rule) => {
      const [, tool = rule, content] = /^([^(]+)\((.*)\)$/.exec(rule) ?? [];
      if (tool !== name) return false;
      return content === undefined || (name === 'Bash' && command.startsWith(content.replace(/:?\*$/, '')));
    });
  }

  private async permission({ id, name, input }: ToolCall, signal: AbortSignal): Promise<Decision> {
    if (!this.flags.asksOnStdio || this.mode === 'dontAsk') {
      const message = `Claude requested permissions to use ${name}, but you haven't granted it yet.`;
      return { kind: 'refused', message, isDenial: true };
    }
    if (this.isDead) return { kind: 'refused', message: 'Stream closed', isDenial: false };
    const reply = await this.control.ask(
      {
        subtype: 'can_use_tool',
        tool_name: name,
        display_name: name,
        input,
        permission_suggestions: [],
        tool_use_id: id,
      },
      signal,
    );
    if (reply.kind === 'cancelled') return { kind: 'stop', isDenial: true };
    if (reply.kind !== 'success') return { kind: 'refused', message: 'Stream closed', isDenial: false };
    const { behavior, updatedInput, interrupt } = reply.response;
    if (behavior === 'allow') return { kind: 'run', input: (updatedInput ?? input) as Line };
    if (interrupt === true) return { kind: 'stop', isDenial: true };
    return { kind: 'refused', message: textField(reply.response, 'message'), isDenial: true };
  }
}
