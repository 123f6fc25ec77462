import type { Agent, AgentEvent, AgentExit } from '../../src/agent/driver.js';

/** An agent that a test controls. */
export interface FakeAgent extends Agent {
  /** Passes an event to the session, as if the agent had said it. */
  say(event: AgentEvent): void;
  /** Ends its process, as if it had ended by itself. */
  die(exit?: Partial<AgentExit>): void;
  /** How many waits for its end there were. */
  readonly exitWaits: number;
  readonly prompts: unknown[];
  readonly isEnded: boolean;
}

/** @param binding what `bind` waits for */
export function fakeAgent(pid: number, binding: () => Promise<void> = async () => undefined): FakeAgent {
  let listener: (event: AgentEvent) => void = () => undefined;
  let resolveExit: (exit: AgentExit) => void = () => undefined;
  let exitWaits = 0;
  let isEnded = false;
  const prompts: unknown[] = [];
  const exited = new Promise<AgentExit>((resolve) => {
    resolveExit = resolve;
  });
  const die = (exit: Partial<AgentExit> = {}): void => {
    isEnded = true;
    resolveExit({ code: 0, signal: undefined, stderrTail: '', isOutOfMemory: false, ...exit });
  };
  return {
    agentId: `a-${pid}`,
    pid,
    claudeSessionId: `c-${pid}`,
    get exited() {
      exitWaits += 1;
      return exited;
    },
    get exitWaits() {
      return exitWaits;
    },
    get isEnded() {
      return isEnded;
    },
    prompts,
    bind: async (_workspace, onEvent) => {
      await binding();
      listener = onEvent;
    },
    refusal: async () => undefined,
    isCommand: (prompt) => prompt === '/compact',
    prompt: (prompt) => void prompts.push(prompt),
    interrupt: async () => undefined,
    answer: () => undefined,
    watch: () => undefined,
    end: async () => {
      die();
      return exited;
    },
    say: (event) => listener(event),
    die,
  };
}

/** The result of a prompt that finished. */
export const finished: Extract<AgentEvent, { kind: 'result' }> = {
  kind: 'result',
  ok: true,
  stopped: false,
  text: 'done',
  costUsd: 0,
  tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  reason: 'completed',
  claudeSessionId: undefined,
  lastEntryId: undefined,
};
