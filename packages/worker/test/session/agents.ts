import type { Agent, AgentEvent, AgentExit } from '../../src/agent/driver.js';

/** An agent made by hand: says what the test has it say. */
export interface HandAgent extends Agent {
  say(event: AgentEvent): void;
  /** Its process ends by itself. */
  die(exit?: Partial<AgentExit>): void;
  /** How often somebody waited for its end. */
  readonly waitedFor: number;
  readonly prompts: unknown[];
  readonly isEnded: boolean;
}

export function handAgent(pid: number, binding: () => Promise<void> = async () => undefined): HandAgent {
  let listener: (event: AgentEvent) => void = () => undefined;
  let resolveExit: (exit: AgentExit) => void = () => undefined;
  let waitedFor = 0;
  let isEnded = false;
  const prompts: unknown[] = [];
  const exited = new Promise<AgentExit>((resolve) => {
    resolveExit = resolve;
  });
  const die = (exit: Partial<AgentExit> = {}): void => {
    isEnded = true;
    resolveExit({ code: 0, signal: undefined, stderrTail: '', ...exit });
  };
  return {
    agentId: `a-${pid}`,
    pid,
    claudeSessionId: `c-${pid}`,
    get exited() {
      waitedFor += 1;
      return exited;
    },
    get waitedFor() {
      return waitedFor;
    },
    get isEnded() {
      return isEnded;
    },
    prompts,
    bind: async (_workspace, onEvent) => {
      await binding();
      listener = onEvent;
    },
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
