/**
 * The seam for agents: what the worker knows of its children. The CLI's driver stands behind it (`claude/`), so that
 * a change of the CLI's interface touches one folder.
 */
import type { Message, Profile, Prompt, Tokens } from '@hearth/shared';

/** What an agent says and does, in its order. */
export type AgentEvent =
  | { kind: 'delta'; of: 'text' | 'thinking'; messageId: string; text: string; parentToolUseId: string | undefined }
  | { kind: 'message'; message: Message }
  /** A tool wants to run and waits until {@link Agent.answer}. */
  | {
      kind: 'gate';
      requestId: string;
      toolUseId: string;
      name: string;
      input: unknown;
      parentToolUseId: string | undefined;
    }
  | { kind: 'tool_ended'; toolUseId: string; ok: boolean; summary: string; parentToolUseId: string | undefined }
  /** A tool needs a permission and waits until {@link Agent.answer}. */
  | {
      kind: 'permission';
      requestId: string;
      toolUseId: string;
      name: string;
      input: unknown;
      /** What the agent suggests to allow beyond this once. */
      suggestions: readonly unknown[];
      parentToolUseId: string | undefined;
    }
  | { kind: 'permission_withdrawn'; requestId: string }
  | { kind: 'retry'; attempt: number; delayMs: number; reason: string }
  | { kind: 'status'; status: string }
  /** Lines of the transcript, each ending in a newline; `file` is `main` or a sub-agent's path; `entryIds`: ids of the assistant's entries. */
  | { kind: 'transcript'; file: string; lines: string; entryIds: readonly string[] }
  /** A result that cannot be this prompt's: it is not in hand yet, or its message is not even complete. */
  | { kind: 'stray_result'; reason: string }
  | ({ kind: 'result' } & AgentResult);

/** How the agent ended a prompt. Cost and tokens are this prompt's own. */
export interface AgentResult {
  ok: boolean;
  /** It was stopped: by an interrupt, or by a denied permission that ends the turn. */
  stopped: boolean;
  text: string;
  costUsd: number;
  tokens: Tokens;
  /** Why it ended, in the agent's words. */
  reason: string;
  /** Claude's id of the conversation that goes on from here: a `/clear` begins another; undefined: the one it was started with. */
  claudeSessionId: string | undefined;
  /** The last entry of the main conversation that the transcript has to contain. */
  lastEntryId: string | undefined;
}

/** What the host says to a gate or a permission request. */
export type Answer =
  | {
      allow: true;
      /** The tool's input, changed. */
      input?: unknown;
      /** Suggestions of the request that are to hold from now on. */
      remember?: readonly unknown[];
    }
  | {
      allow: false;
      message: string;
      /** Ends the prompt in hand too. */
      endTurn?: boolean;
    };

/** How an agent's process ended. */
export interface AgentExit {
  code: number | undefined;
  signal: string | undefined;
  stderrTail: string;
}

/** Where the ladder begins: ask it to go by itself, then TERM, then KILL (`now`). */
export type AgentEnd = 'ask' | 'terminate' | 'now';

/** Which way a raw line went: to the agent, from it, or on its stderr. */
export type RawListener = (way: 'in' | 'out' | 'err', line: string) => void;

/** What an agent is made from. */
export interface Launch {
  agentId: string;
  workerId: string;
  profile: Profile;
  /** The agent's own folder: config dir, past. */
  home: string;
  /** Where scratch workspaces are made. */
  workspaces: string;
}

/** A conversation to go on with. */
export interface Past {
  claudeSessionId: string;
  /** File → its content. */
  files: ReadonlyMap<string, string>;
}

/** One child process, initialised. Everything it says reaches the listener given at {@link bind}. */
export interface Agent {
  readonly agentId: string;
  readonly pid: number;
  /** Claude's id of the conversation it was started with. */
  readonly claudeSessionId: string;
  /** Resolves when the process is gone, however it ended. Never rejects. */
  readonly exited: Promise<AgentExit>;
  /**
   * Binds a spare to a session's workspace, or takes over the events of a resumed agent.
   * @throws HearthError `agent_start_failed`
   */
  bind(workspace: string, onEvent: (event: AgentEvent) => void): Promise<void>;
  /** Writes one prompt. One at a time: the next only after the `result` of the one before. */
  prompt(prompt: Prompt): void;
  /** Asks the agent, in band, to end the prompt in hand; its `result` follows. */
  interrupt(): Promise<void>;
  answer(requestId: string, answer: Answer): void;
  /** Shows every line to and from the process, and its stderr, to one listener; undefined: to nobody. */
  watch(listener: RawListener | undefined): void;
  /** Ends the process and all it started. */
  end(how: AgentEnd): Promise<AgentExit>;
}

export interface AgentDriver {
  /** Starts an agent that can be bound to any new session. @throws HearthError `claude_not_found` | `agent_start_failed` | `agent_start_timeout` */
  spare(launch: Launch): Promise<Agent>;
  /** Starts an agent that goes on with a past. @throws as {@link spare} */
  resume(launch: Launch, workspace: string, past: Past): Promise<Agent>;
}
