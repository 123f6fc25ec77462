import type { Logger } from '@hearth/shared/internal';

/** Memory that no agent is given, bytes: the worker and the machine need it beside the agents. */
const reserveBytes = 256 * 1024 * 1024;
/** Weight of the newest measurement in the estimate. */
const weight = 0.3;

export interface MemoryBudgetDeps {
  /** Memory the machine has left, bytes. */
  available: () => number;
  /** Estimate for an agent before any was measured, bytes. */
  firstEstimate: number;
  log: Logger;
}

/** Knows how much memory agents take. Owns the last measurements, and the estimate for the next agent that is learned from them. */
export class MemoryBudget {
  private readonly measured = new Map<number, number>();
  private estimate: number;
  private wasShort = false;

  constructor(private readonly deps: MemoryBudgetDeps) {
    this.estimate = deps.firstEstimate;
  }

  /** What an agent and everything it started held at the last measurement, bytes. */
  of(pid: number): number | undefined {
    return this.measured.get(pid);
  }

  /** Whether the last answer of {@link fits} was no. */
  get isShort(): boolean {
    return this.wasShort;
  }

  /**
   * Whether one more agent fits into the memory that is left, once the present agents have grown to the estimate. Without agents the
   * first estimate counts if it is smaller, because only agents that take less could lower the learned one.
   *
   * @param agents how many agents there are, or will be: starting ones have no pid yet
   * @param pids the pids that are known
   */
  fits(agents: number, pids: readonly number[]): boolean {
    const { available, firstEstimate, log } = this.deps;
    const left = available();
    const estimate = agents === 0 ? Math.min(this.estimate, firstEstimate) : this.estimate;
    const isShort = left < this.expectedGrowth(agents, pids) + estimate + reserveBytes;
    if (isShort && !this.wasShort) {
      const fields = { availableMb: toMb(left), estimateMb: toMb(estimate), reserveMb: toMb(reserveBytes) };
      log.warn(
        { event: 'memory.short', ...fields },
        'no memory for one more agent; sessions wait, or agents make room',
      );
    }
    this.wasShort = isShort;
    return !isShort;
  }

  /** Takes over a measurement of all agents: pid → bytes. */
  record(trees: ReadonlyMap<number, number>): void {
    this.measured.clear();
    for (const [pid, bytes] of trees) this.measured.set(pid, bytes);
    if (trees.size === 0) return;
    const mean = [...trees.values()].reduce((sum, bytes) => sum + bytes, 0) / trees.size;
    this.estimate = this.estimate * (1 - weight) + mean * weight;
  }

  /** What present and starting agents will still take, bytes. */
  private expectedGrowth(agents: number, pids: readonly number[]): number {
    const starting = Math.max(0, agents - pids.length) * this.estimate;
    return pids.reduce((sum, pid) => sum + Math.max(0, this.estimate - (this.measured.get(pid) ?? 0)), starting);
  }
}

const toMb = (bytes: number): number => Math.round(bytes / 1024 / 1024);
