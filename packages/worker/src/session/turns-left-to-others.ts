import type { Fleet } from '../fleet.js';

/** How many turns are remembered. */
const rememberedAtMost = 1_000;

/** Decides whether a turn that gets no agent here goes to another worker. Owns which turns went there before, so that each goes once. */
export class TurnsLeftToOthers {
  /** Session id → seq. */
  private readonly left = new Map<string, number>();

  constructor(private readonly fleet: Fleet) {}

  /** True when another worker should try the turn. A turn that comes back found no agent anywhere. */
  async leave(sessionId: string, seq: number, profile: string): Promise<boolean> {
    if (this.left.get(sessionId) === seq || !(await this.fleet.othersHave(profile, 'healthy'))) return false;
    this.left.delete(sessionId);
    this.left.set(sessionId, seq);
    const [oldest] = this.left.keys();
    if (this.left.size > rememberedAtMost && oldest !== undefined) this.left.delete(oldest);
    return true;
  }
}
