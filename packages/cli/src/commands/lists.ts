import { ago, table } from '../terminal/output.js';
import { type CommonOptions, type Context, withProducer } from './context.js';

/** `hearth sessions`: all known sessions, the last used first. */
export async function sessions(options: CommonOptions, { out }: Context): Promise<number> {
  const list = await withProducer(options, (producer) => producer.sessions());
  for (const session of list) out.value(session);
  if (list.length === 0) out.line('No sessions yet. Begin one: hearth ask --session my-session "hello"');
  else {
    out.line(
      table([
        ['SESSION', 'PROFILE', 'OWNER', 'EPOCH', 'TURNS', 'WAITING', 'COST', 'USED'],
        ...list.map((s) => [
          s.sessionId,
          s.profile,
          s.owner === undefined ? '-' : `seat ${s.seat}`,
          String(s.epoch),
          String(s.turns),
          String(s.waiting),
          `$${s.costUsd.toFixed(4)}`,
          ago(s.usedAt),
        ]),
      ]),
    );
  }
  return 0;
}

/** `hearth workers`: live workers with their places. */
export async function workers(options: CommonOptions, { out }: Context): Promise<number> {
  const list = await withProducer(options, (producer) => producer.workers());
  for (const worker of list) out.value(worker);
  if (list.length === 0) out.line('No worker lives. Start one: hearth worker (or everything at once: hearth up)');
  else {
    out.line(
      table([
        ['SEAT', 'WORKER', 'HOST', 'PID', 'STATE', 'PLACES', 'SPARE', 'BUSY', 'IDLE', 'PROFILES', 'STARTED'],
        ...list.map((w) => [
          String(w.seat),
          w.workerId,
          w.host,
          String(w.pid),
          w.state,
          String(w.places.total),
          String(w.places.spare),
          String(w.places.busy),
          String(w.places.idle),
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
