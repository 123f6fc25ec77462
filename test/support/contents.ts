import type { Cluster } from './cluster.js';
import { eventually } from './facts.js';

/** All files and folders that a worker can write for a session. */
export async function contents(cluster: Cluster, sessionId: string): Promise<unknown> {
  const { session, turnPrefix, events, transcript } = cluster.keys.session(sessionId);
  return {
    session: await cluster.redis.hgetall(session),
    turn: await cluster.redis.hgetall(`${turnPrefix}1`),
    events: await cluster.redis.xlen(events),
    transcript: await cluster.redis.lrange(transcript, 0, -1),
  };
}

/** Resolves when the last line of fake-claude is in the session's transcript. It comes after the result. */
export async function lastLineWritten(cluster: Cluster, sessionId: string): Promise<void> {
  const { transcript } = cluster.keys.session(sessionId);
  await eventually(async () => (await cluster.redis.lrange(transcript, 0, -1)).join('').includes('last-prompt'));
}
