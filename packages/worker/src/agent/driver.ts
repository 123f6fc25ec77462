/**
 * The interface between the worker and its agents. The driver of the CLI implements it in `claude/`, so that a change of the CLI
 * touches one folder.
 */
import type { HearthError, Message, Notice, Profile, Prompt, Tokens, TurnResult } from '@hearth/shared';

/** What an agent says and does, in order. */
export type AgentEvent =
  /** The agent printed a line, of any kind: a sign of life (P10). Comes before the events that the line makes. */
  | { kind: 'line' }
  | { kind: 'delta'; of: 'text' | 'thinking'; messageId: string; text: string; parentToolUseId: string | undefined }
  | { kind: 'message'; message: Message }
  /** A tool waits at the gate until {@link Agent.answer}. */
  | {
      kind: 'gate';
      requestId: string;
      toolUseId: string;
      name: string;
      input: unknown;
      parentToolUseId: string | undefined;
    }
  | { kind: 'tool_ended'; toolUseId: string; ok: boolean; summary: string; parentToolUseId: string | undefined }
  /** A tool waits for a permission until {@link Agent.answer}. */
  | {
      kind: 'permission';
      requestId: string;
      toolUseId: string;
      name: string;
      input: unknown;
      /** Rules the agent suggests to allow from now on. */
      suggestions: readonly unknown[];
      parentToolUseId: string | undefined;
    }
  /** What the running prompt has cost so far. Said after each message in a profile with a budget. */
  | { kind: 'cost'; costUsd: number }
  | { kind: 'permission_withdrawn'; requestId: string }
  | { kind: 'retry'; attempt: number; delayMs: number; reason: string }
  | { kind: 'status'; status: string }
  /** Something besides the conversation went wrong. The prompt goes on. */
  | ({ kind: 'notice' } & Notice)
  /** Lines of the transcript, each ending in a newline. `file`: `main`, or a sub-agent's path. `entryIds`: ids of their entries. */
  | { kind: 'transcript'; file: string; lines: string; entryIds: readonly string[] }
  /** A result that cannot belong to this prompt, because the prompt has not started or its last message is not complete. */
  | { kind: 'stray_result'; reason: string }
  | ({ kind: 'result' } & AgentResult);

/**
 * Why the model API refused a prompt. `content`: what the prompt brings, so that every later prompt fails too while it is part of the
 * conversation. The others refuse the account. `limit`: a usage limit is reached. `rate_limit`: too many calls at a time.
 */
export type RefusalKind = 'content' | 'limit' | 'rate_limit' | 'login' | 'credit' | 'model';

export interface Refusal {
  kind: RefusalKind;
  /** When the limit resets, ms since 1970. */
  retryAt?: number;
}

/** How the agent ended a prompt. Cost and tokens are those of this prompt alone. */
export interface AgentResult {
  ok: boolean;
  /** Whether an interrupt, or a denied permission that ends the turn, stopped it. */
  stopped: boolean;
  /** Undefined: the model API did not refuse the prompt. */
  refusal?: Refusal;
  text: string;
  /** The value that fits the JSON schema which the agent was given. Undefined without a schema. */
  structuredOutput?: TurnResult['structuredOutput'];
  costUsd: number;
  tokens: Tokens;
  /** Why it ended, in the agent's words. */
  reason: string;
  /** Claude's id of the conversation that continues. A `/clear` begins another one. Undefined: the one the agent was started with. */
  claudeSessionId: string | undefined;
  /** The last entry of the main conversation, which the transcript must contain before the commit. */
  lastEntryId: string | undefined;
}

/** The answer to a tool at the gate, or to a permission request. */
export type Answer =
  | {
      allow: true;
      /** The tool's input, changed. */
      input?: unknown;
      /** Suggestions of the request that apply from now on. */
      remember?: readonly unknown[];
    }
  | {
      allow: false;
      message: string;
      /** Ends the running prompt too. */
      endTurn?: boolean;
    };

/** How an agent's process ended. */
export interface AgentExit {
  code: number | undefined;
  signal: string | undefined;
  stderrTail: string;
  /** Whether the kernel killed it, because the memory of the container or machine was used up. */
  isOutOfMemory: boolean;
}

/** Where the escalation begins: `ask` closes stdin, then SIGTERM (`terminate`), then SIGKILL (`now`). */
export type AgentEnd = 'ask' | 'terminate' | 'now';

/** Gets raw lines: to the agent, from it, or of its stderr. */
export type RawListener = (way: 'in' | 'out' | 'err', line: string) => void;

/** What an agent is made from. */
export interface Launch {
  agentId: string;
  workerId: string;
  profile: Profile;
  /** The agent's own folder: config dir, transcript. */
  home: string;
  /** The folder with the scratch workspaces. */
  workspaces: string;
}

/** A stored conversation. */
export interface StoredTranscript {
  claudeSessionId: string;
  /** File → its content. */
  files: ReadonlyMap<string, string>;
}

/** An agent that continues a stored conversation. */
export interface ResumedAgent {
  agent: Agent;
  /** Damaged lines that were cut off the transcript. */
  cutLines: number;
}

/** One child process, initialised. The listener given at {@link bind} gets everything it says. */
export interface Agent {
  readonly agentId: string;
  readonly pid: number;
  /** Claude's id of the conversation it was started with. */
  readonly claudeSessionId: string;
  /** Resolves when the process is gone, however it ended. Never rejects. */
  readonly exited: Promise<AgentExit>;
  /**
   * Binds a spare to a session's workspace, or takes over the events of a resumed agent.
   *
   * @throws HearthError `agent_start_failed`
   */
  bind(workspace: string, onEvent: (event: AgentEvent) => void): Promise<void>;
  /** Why the agent cannot be given this prompt as its profile asks. */
  refusal(prompt: Prompt): Promise<HearthError | undefined>;
  /** Whether the agent runs this prompt as a slash command, which is nothing a note can go before. */
  isCommand(prompt: Prompt): boolean;
  /** Writes one prompt. The next one may follow only after the `result` of this one. */
  prompt(prompt: Prompt): void;
  /** Asks the agent, in band, to end the running prompt. Its `result` follows. */
  interrupt(): Promise<void>;
  answer(requestId: string, answer: Answer): void;
  /** Passes raw lines to one listener. Undefined: to none. */
  watch(listener: RawListener | undefined): void;
  /** Ends the process and everything it started. */
  end(how: AgentEnd): Promise<AgentExit>;
}

export interface AgentDriver {
  /**
   * Starts an agent that can be bound to any new session.
   *
   * @throws HearthError `claude_not_found` | `agent_start_failed` | `agent_start_timeout`
   */
  spare(launch: Launch): Promise<Agent>;
  /**
   * Starts an agent that continues a stored conversation.
   *
   * @returns undefined when nothing was said in that conversation yet
   * @throws as {@link spare}
   */
  resume(launch: Launch, workspace: string, transcript: StoredTranscript): Promise<ResumedAgent | undefined>;
}
