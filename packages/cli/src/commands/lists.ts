import { setTimeout as pause } from 'node:timers/promises';
import type { SessionSummary, WorkerRecord } from '@hearth/producer';
import { ago, type Output, table } from '../terminal/output.js';
import { type CommonOptions, type Context, withProducer } from './context.js';

export interface SessionsOptions extends CommonOptions {
  watch?: boolean;
}

/** How often a watched list is read, ms. */
const watchEveryMs = 1_000;
/** Clears the terminal and its scroll buffer. */
const clearScreen = '\u001b[2J\u001b[3J\u001b[H';

/** `hearth sessions`: lists all known sessions, the last used first. `--watch` repeats that; with `--json` it prints only changes. */
export async function sessions(options: SessionsOptions, { out, signal }: Context): Promise<number> {
  return withProducer(options, async (producer) => {
    if (!options.watch) {
      const list = await producer.sessions();
      for (const session of list) out.value(session);
      printSessions(list, out);
      return 0;
    }
    const said = new Map<string, string>();
    while (!signal.aborted) {
      const list = await producer.sessions();
      sayChanges(list, said, out);
      if (process.stdout.isTTY) out.write(clearScreen);
      printSessions(list, out);
      await out.drained();
      await pause(watchEveryMs, undefined, { signal }).catch(() => undefined);
    }
    return 0;
  });
}

function sayChanges(list: readonly SessionSummary[], said: Map<string, string>, out: Output): void {
  for (const session of list) {
    const text = JSON.stringify(session);
    if (said.get(session.sessionId) !== text) out.value(session);
    said.set(session.sessionId, text);
  }
  const known = new Set(list.map(({ sessionId }) => sessionId));
  for (const sessionId of said.keys()) {
    if (known.has(sessionId)) continue;
    said.delete(sessionId);
    out.value({ kind: 'closed', sessionId });
  }
}

function printSessions(list: readonly SessionSummary[], out: Output): void {
  if (list.length === 0) out.line('No sessions yet. Begin one: hearth ask --session my-session "hello"');
  else {
    out.line(
      table([
        ['SESSION', 'PROFILE', 'OWNER', 'EPOCH', 'TURNS', 'WAITING', 'COST', 'USED'],
        ...list.map((s) => [
          s.sessionId,
          s.profile,
          s.state === 'closing' ? 'closing' : s.owner === undefined ? '-' : `worker ${s.workerNumber}`,
          String(s.epoch),
          String(s.turns),
          String(s.waiting),
          `$${s.costUsd.toFixed(4)}`,
          ago(s.usedAt),
        ]),
      ]),
    );
  }
}

/** `hearth workers`: live workers with their slots. */
export async function workers(options: CommonOptions, { out }: Context): Promise<number> {
  const list = await withProducer(options, (producer) => producer.workers());
  for (const worker of list) out.value(worker);
  if (list.length === 0) out.line('No worker lives. Start one: hearth worker (or everything at once: hearth up)');
  else {
    out.line(
      table([
        ['NUMBER', 'WORKER', 'HOST', 'PID', 'STATE', 'SLOTS', 'SPARE', 'BUSY', 'IDLE', 'MEMORY', 'PROFILES', 'STARTED'],
        ...list.map((w) => [
          String(w.workerNumber),
          w.workerId,
          w.host,
          String(w.pid),
          w.state,
          String(w.slots.total),
          String(w.slots.spare),
          String(w.slots.busy),
          String(w.slots.idle),
          memoryOf(w),
          Object.entries(w.profiles)
            .map(([name, health]) => (health === 'ok' ? name : `${name} (${health})`))
            .join(', '),
          ago(w.startedAt),
        ]),
      ]),
    );
  }
  return 0;
}

/** The memory of the agents that are bound to sessions. Spares do not count. */
function memoryOf({ agents }: WorkerRecord): string {
  const known = agents.flatMap(({ rssBytes }) => rssBytes ?? []);
  return known.length === 0 ? '-' : `${Math.round(known.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20)} MB`;
}
