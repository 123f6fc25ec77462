import type { Logger } from '@hearth/shared';
import { treeMemory } from '../processes/memory.js';
import { Rounds } from '../sweep/rounds.js';

/** How often agents are measured, ms: one that grows by 60 MB/s (a reported hazard) has grown by so much at most in between. */
const everyMs = 2_000;
/** Memory nobody is given, bytes: what the worker and the machine need beside the agents. */
const reserveBytes = 256 * 1024 * 1024;
/** How much the newest measurement counts for the estimate. */
const weight = 0.3;

export interface MemoryWatchDeps {
  /** Pids of all agents of this worker. */
  pids: () => readonly number[];
  /** How many agents there are, or are to be: those that are just starting have no pid yet. */
  expected: () => number;
  /** What the machine has left, bytes. */
  available: () => number;
  /** An agent and all it started hold so many bytes. */
  onMeasured: (pid: number, bytes: number) => void;
  /** There was no room for one more agent, and now there is. */
  onRoom: () => void;
  /** The estimate for an agent nobody has measured yet, bytes. */
  firstEstimate: number;
  log: Logger;
}

/**
 * Knows what agents take of the machine's memory. Owns the measurements, and the estimate for the next agent, learned from those
 * that were measured.
 */
export class MemoryWatch {
  private readonly rounds: Rounds;
  private readonly measured = new Map<number, number>();
  private estimate: number;
  private wasShort = false;

  constructor(private readonly deps: MemoryWatchDeps) {
    this.estimate = deps.firstEstimate;
    this.rounds = new Rounds({ everyMs, name: 'a look at the memory of agents', log: deps.log }, () => this.measure());
  }

  start(): void {
    this.rounds.start();
  }
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  /** What an agent and all it started held when they were measured last, bytes. */
  of(pid: number): number | undefined {
    return this.measured.get(pid);
  }

  /**
   * Whether one more agent fits into what the machine has left, when those there are have taken what they are going to. Where there is
   * none, the first estimate counts, if it is less: what was learned is forgotten by nothing but agents that take less.
   */
  fits(): boolean {
    const available = this.deps.available();
    const { expected, firstEstimate } = this.deps;
    const estimate = expected() === 0 ? Math.min(this.estimate, firstEstimate) : this.estimate;
    const isShort = available < this.toCome() + estimate + reserveBytes;
    if (isShort && !this.wasShort) {
      this.deps.log.warn(
        { availableMb: toMb(available), estimateMb: toMb(estimate), reserveMb: toMb(reserveBytes) },
        'no memory for one more agent; sessions wait, or others make room',
      );
    }
    this.wasShort = isShort;
    return !isShort;
  }

  /** What agents that have just been started, or are to be, have not taken yet, bytes. */
  private toCome(): number {
    const pids = this.deps.pids();
    const without = Math.max(0, this.deps.expected() - pids.length) * this.estimate;
    return pids.reduce((sum, pid) => sum + Math.max(0, this.estimate - (this.measured.get(pid) ?? 0)), without);
  }

  /** Measures all agents now. */
  async measure(): Promise<void> {
    const pids = this.deps.pids();
    const trees = await treeMemory(pids);
    this.measured.clear();
    for (const [pid, bytes] of trees) {
      this.measured.set(pid, bytes);
      this.deps.onMeasured(pid, bytes);
    }
    if (trees.size > 0) {
      const mean = [...trees.values()].reduce((sum, bytes) => sum + bytes, 0) / trees.size;
      this.estimate = this.estimate * (1 - weight) + mean * weight;
    }
    if (this.wasShort && this.fits()) this.deps.onRoom();
  }
}

const toMb = (bytes: number): number => Math.round(bytes / 1024 / 1024);
