import type { Profile, Warmth } from '@hearth/shared';
import { type Logger, readTranscript, type SessionStore } from '@hearth/shared/internal';
import type { Agent, AgentDriver, Launch, ResumedAgent } from '../agent/driver.js';
import { startFailure } from '../agent/start-failure.js';
import type { Slot } from '../pool/occupancy.js';
import type { SparePool } from '../pool/spare-pool.js';

export interface AgentSupplyDeps {
  store: SessionStore;
  driver: AgentDriver;
  profiles: Readonly<Record<string, Profile>>;
  pools: ReadonlyMap<string, SparePool>;
  launch: (profile: Profile) => Launch;
  log: Logger;
}

/** Where sessions get their agents from: the profile's pool, or a resume from the transcript in Redis. Owns nothing. */
export class AgentSupply {
  constructor(private readonly deps: AgentSupplyDeps) {}

  /** The profile of that name. @throws TypeError when this worker lacks it: admission claims no such session */
  profile(name: string): Profile {
    const profile = this.deps.profiles[name];
    if (profile === undefined) throw new TypeError(`this worker has no profile ${name}`);
    return profile;
  }

  /** Acquires an agent without a conversation: the slot's promised spare, another spare, or a cold start. @throws HearthError */
  async fresh(slot: Slot): Promise<{ agent: Agent; warmth: Warmth }> {
    const promised = slot.spare;
    slot.spare = undefined;
    if (promised !== undefined) return { agent: promised, warmth: 'spare' };
    const { agent, ready } = await this.pool(slot.profile).obtain();
    return { agent, warmth: ready ? 'spare' : 'cold' };
  }

  /**
   * Starts an agent that continues the session's conversation.
   *
   * @param chunks how many chunks of the transcript are committed
   * @returns undefined when nothing was said in that conversation yet
   * @throws HearthError
   */
  async resumed(
    sessionId: string,
    profileName: string,
    resume: { claudeSessionId: string; chunks: number; workspace: string },
  ): Promise<ResumedAgent | undefined> {
    const { store, driver, launch, log } = this.deps;
    const { claudeSessionId, chunks, workspace } = resume;
    const pool = this.pool(profileName);
    const files = await readTranscript(store, sessionId, chunks);
    try {
      const resumed = await driver.resume(launch(this.profile(profileName)), workspace, { claudeSessionId, files });
      if (resumed === undefined) return undefined;
      pool.noteSuccess();
      const { cutLines } = resumed;
      if (cutLines > 0)
        log.error({ event: 'transcript.repaired', sessionId, lines: cutLines }, 'cut damaged lines off the transcript');
      return resumed;
    } catch (error) {
      pool.noteFailure(startFailure(error));
      throw error;
    }
  }

  private pool(profileName: string): SparePool {
    const pool = this.deps.pools.get(profileName);
    if (pool === undefined) throw new TypeError(`this worker has no pool for profile ${profileName}`);
    return pool;
  }
}
