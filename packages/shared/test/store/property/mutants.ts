import { readScript, sourceOf } from '../../../src/store/script-declarations.js';
import type { ScriptName } from '../../../src/store/scripts.js';
import type { ScheduleKind } from './commands.js';
import type { Tamper } from './world.js';

/** A script without one of its checks or effects. */
export interface Mutant {
  /** The missing check or effect. */
  without: string;
  scripts: readonly ScriptName[];
  from: string;
  to: string;
  /** The schedules that notice it first. @defaultValue `core` */
  noticedBy?: ScheduleKind;
}

const writes: readonly ScriptName[] = ['begin', 'append', 'reach_tool', 'transcript', 'commit', 'release'];

export const mutants: readonly Mutant[] = [
  { without: 'the fence comparison', scripts: writes, from: ' or session.fence ~= fence', to: '' },
  { without: 'the batch number check', scripts: writes, from: "if batch <= last then return 'REPEATED' end", to: '' },
  { without: 'taking the batch number', scripts: ['append'], from: '\ntake_batch(batch)', to: '' },
  { without: 'the lookup of a known turnId', scripts: ['submit'], from: 'if known then', to: 'if false then' },
  {
    without: 'the check that a turn has no result yet',
    scripts: ['commit'],
    from: "if not redis.call('ZSCORE', K_LOG, seq) then return reply('ALREADY') end",
    to: '',
  },
  {
    without: 'clearing the pending mark with the last turn',
    scripts: ['commit'],
    from: "redis.call('ZREM', K_PENDING, member)",
    to: '',
  },
  {
    without: 'the comparison with the dead fence',
    scripts: ['claim'],
    from: ' and session.fence ~= dead_fence',
    to: ' and false',
  },
  { without: 'truncating the transcript at claim', scripts: ['claim'], from: '\ntruncate_transcript()', to: '' },
  { without: 'truncating the transcript at begin', scripts: ['begin'], from: '\ntruncate_transcript()', to: '' },
  { without: 'truncating the transcript at commit', scripts: ['commit'], from: '\ntruncate_transcript()', to: '' },
  {
    without: 'the offset check',
    scripts: ['transcript'],
    from: "if at < length then return reply('REPEATED') end",
    to: '',
  },
  {
    without: 'the head-of-log check of the gate',
    scripts: ['reach_tool'],
    from: '[1] ~= seq then',
    to: ' == nil then',
  },
  { without: 'the refusal while turns wait', scripts: ['release'], from: "mode ~= 'drain'", to: 'false' },
  { without: 'the compare and swap of rings', scripts: ['ring'], from: 'turn.ring ~= seen', to: 'false' },
  {
    without: 'resetting the sweep count when the owner died',
    scripts: ['sweep'],
    from: "redis.call('HSET', K_SESSION_PREFIX .. member, 'sweeps', 0)",
    to: '',
  },
  {
    without: 'the distinction between overdue sessions and those of dead workers',
    scripts: ['sweep'],
    from: 'not dead[lock.owner] and report',
    to: 'report',
  },
  {
    without: 'postponing the next check of an overdue session',
    scripts: ['sweep'],
    from: "redis.call('ZADD', K_PENDING, now + wait, member)",
    to: '',
  },
  {
    without: 'the refusal to withdraw a running turn',
    scripts: ['withdraw'],
    from: "turn.state ~= 'queued'",
    to: 'false',
  },
  { without: 'the check that an unused session has no turns', scripts: ['close'], from: '#log > 0 or ', to: '' },
  {
    without: 'the check of when a session was last used',
    scripts: ['close'],
    from: ' or tonumber(session.used) >= tonumber(used_before)',
    to: '',
  },
  {
    without: 'the comparison of incarnations',
    scripts: ['erase'],
    from: 'session.incarnation ~= incarnation',
    to: 'false',
  },
  { without: 'the refusal to erase what is owned', scripts: ['erase'], from: "session.owner ~= ''", to: 'false' },
  {
    without: 'the refusal of owners while closing',
    scripts: ['claim'],
    from: "if session.closing then return reply('GONE') end",
    to: '',
  },
  {
    without: 'the refusal of turns while closing',
    scripts: ['submit'],
    from: "if session.closing then return reply('CLOSING') end",
    to: '',
  },
  {
    without: 'the exemption of a refused turn from the limits',
    scripts: ['submit'],
    from: 'if not is_refused then',
    to: 'if true then',
  },
  {
    without: 'the check for delayed turns',
    scripts: ['close'],
    from: "if redis.call('EXISTS', K_DELAYED) == 1 then",
    to: 'if false then',
    noticedBy: 'delayed',
  },
  {
    without: 'returning the jobs of delayed turns',
    scripts: ['erase'],
    from: "rings[#rings + 1] = 'intake/' .. job",
    to: '',
  },
  {
    without: 'the check for an interrupt',
    scripts: ['begin'],
    from: "if turn.interrupt then return reply('INTERRUPTED') end",
    to: '',
    noticedBy: 'controls',
  },
  {
    without: 'deleting permission requests at claim',
    scripts: ['claim'],
    from: "redis.call('DEL', K_PERMISSIONS)",
    to: '',
    noticedBy: 'controls',
  },
  {
    without: 'deleting permission requests at begin',
    scripts: ['begin'],
    from: "redis.call('DEL', K_PERMISSIONS)",
    to: '',
    noticedBy: 'controls',
  },
  {
    without: 'the check for an earlier answer',
    scripts: ['answer'],
    from: "if known then return reply('ALREADY",
    to: "if false then return reply('ALREADY",
    noticedBy: 'controls',
  },
  { without: 'the refusal to recreate a lease', scripts: ['lease_renew'], from: ' == 0', to: ' < 0' },
  {
    without: 'remembering known workers',
    scripts: ['lease_acquire'],
    from: "redis.call('ZADD', K_KNOWN_WORKERS, now, worker_id)",
    to: '',
  },
];

/** Registers mutated scripts in place of the shipped ones. */
export function plant({ scripts, from, to }: Mutant): Tamper {
  const mutated = scripts.map((name) => {
    const source = sourceOf(name);
    if (source.split(from).length !== 2) throw new Error(`${name}.lua does not hold exactly one «${from}»`);
    return {
      command: `hearth_${name}`,
      script: readScript(source.replace(from, () => to)),
    };
  });
  return (redis) => {
    for (const { command, script } of mutated) redis.defineCommand(command, script);
  };
}
