import { readFileSync } from 'node:fs';
import type { ScheduleKind } from './commands.js';
import type { Tamper } from './world.js';

/** A script with one thing taken out of it. */
export interface Mutant {
  /** What is missing. */
  without: string;
  scripts: readonly string[];
  from: string;
  to: string;
  /** The schedules that notice it soonest. @defaultValue `core` */
  noticedBy?: ScheduleKind;
}

const writes = ['begin', 'append', 'reach_tool', 'transcript', 'commit', 'release'];

export const mutants: readonly Mutant[] = [
  { without: 'the fence comparison', scripts: writes, from: ' or current[1] ~= fence', to: '' },
  { without: 'the batch number check', scripts: writes, from: 'if batch <= last then return REPEATED end', to: '' },
  { without: 'the taking of the number', scripts: ['append'], from: 'take_number(ARGV[2])', to: '' },
  { without: 'the look for a known turnId', scripts: ['submit'], from: 'if known then', to: 'if false then' },
  {
    without: 'the check that a turn has no result yet',
    scripts: ['commit'],
    from: "if not redis.call('ZSCORE', K_LOG, seq) then return {ALREADY} end",
    to: '',
  },
  {
    without: 'the end of pending with the last turn',
    scripts: ['commit'],
    from: "redis.call('ZREM', K_PENDING, member)",
    to: '',
  },
  {
    without: 'the comparison with the dead fence',
    scripts: ['claim'],
    from: ' and s[4] ~= dead_fence',
    to: ' and false',
  },
  { without: 'the cut at claim', scripts: ['claim'], from: '\ncut_transcript()', to: '' },
  { without: 'the cut at begin', scripts: ['begin'], from: '\ncut_transcript()', to: '' },
  { without: 'the cut at commit', scripts: ['commit'], from: '\ncut_transcript()', to: '' },
  {
    without: 'the offset check',
    scripts: ['transcript'],
    from: 'if offset < length then return {REPEATED} end',
    to: '',
  },
  {
    without: 'the head-of-log check of the gate',
    scripts: ['reach_tool'],
    from: ' ~= ARGV[3] then',
    to: ' == nil then',
  },
  { without: 'the refusal while turns wait', scripts: ['release'], from: "ARGV[3] ~= 'drain'", to: 'false' },
  { without: 'the compare and swap of rings', scripts: ['ring'], from: 't[1] ~= ARGV[2]', to: 'false' },
  {
    without: 'the end of looks at a turn whose owner died',
    scripts: ['sweep'],
    from: "redis.call('HSET', KEYS[2] .. member, 'looks', 0)",
    to: '',
  },
  {
    without: 'the difference between what is late and what the dead owned',
    scripts: ['sweep'],
    from: 'not dead[s[1]] and tell',
    to: 'tell',
  },
  {
    without: 'the bump of what is late',
    scripts: ['sweep'],
    from: "redis.call('ZADD', KEYS[1], now + wait, member)",
    to: '',
  },
  { without: 'the refusal to withdraw a running turn', scripts: ['withdraw'], from: "t[1] ~= 'queued'", to: 'false' },
  { without: 'the look for turns of a session that is unused', scripts: ['close'], from: '#log > 0 or ', to: '' },
  {
    without: 'the look at when a session was used',
    scripts: ['close'],
    from: ' or tonumber(s[4]) >= tonumber(ARGV[2])',
    to: '',
  },
  { without: 'the comparison of incarnations', scripts: ['erase'], from: 's[1] ~= ARGV[2]', to: 'false' },
  { without: 'the refusal to erase what is owned', scripts: ['erase'], from: "s[2] ~= ''", to: 'false' },
  {
    without: 'the refusal of owners while closing',
    scripts: ['claim'],
    from: 'if s[7] then return {GONE} end',
    to: '',
  },
  {
    without: 'the refusal of turns while closing',
    scripts: ['submit'],
    from: 'if s[6] then return {CLOSING} end',
    to: '',
  },
  {
    without: 'the way past the limits for a turn that is refused',
    scripts: ['submit'],
    from: 'if not is_refused then',
    to: 'if true then',
  },
  {
    without: 'the look for turns that are to come',
    scripts: ['close'],
    from: "if redis.call('EXISTS', K_DELAYED) == 1 then",
    to: 'if false then',
    noticedBy: 'rest',
  },
  {
    without: 'the jobs of turns that were to come',
    scripts: ['erase'],
    from: "reply[#reply + 1] = 'intake/' .. job",
    to: '',
  },
  {
    without: 'the look for a request to stop',
    scripts: ['begin'],
    from: 'if t[5] then return {INTERRUPTED} end',
    to: '',
    noticedBy: 'controls',
  },
  {
    without: 'the end of requests with their owner',
    scripts: ['claim'],
    from: "redis.call('DEL', K_PERMISSIONS)",
    to: '',
    noticedBy: 'controls',
  },
  {
    without: 'the end of requests with their attempt',
    scripts: ['begin'],
    from: "redis.call('DEL', K_PERMISSIONS)",
    to: '',
    noticedBy: 'controls',
  },
  {
    without: 'the look for an answer before',
    scripts: ['answer'],
    from: 'if p[2] then return {ALREADY',
    to: 'if false then return {ALREADY',
    noticedBy: 'controls',
  },
  { without: 'the refusal to recreate a lease', scripts: ['lease_renew'], from: ' == 0', to: ' < 0' },
  {
    without: 'the memory of workers that were',
    scripts: ['lease_acquire'],
    from: "redis.call('ZADD', KEYS[2], now, worker)",
    to: '',
  },
];

const folder = new URL('../../../lua/', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8');
const bodyOf = (script: string): string =>
  read(`${script}.lua`).replace(/^--@include (\w+)$/gm, (_line, name: string) => read(`includes/${name}.lua`));

/** Puts the mutated bodies in place of the shipped ones, on one connection. */
export function plant({ scripts, from, to }: Mutant): Tamper {
  const bodies = scripts.map((script) => {
    const body = bodyOf(script);
    if (body.split(from).length !== 2) throw new Error(`${script}.lua does not hold exactly one «${from}»`);
    return { command: `hearth_${script}`, lua: body.replace(from, () => to) };
  });
  return (redis) => {
    for (const { command, lua } of bodies) {
      const numberOfKeys = command.startsWith('hearth_lease_acquire')
        ? 4
        : command.startsWith('hearth_lease_renew')
          ? 2
          : command === 'hearth_sweep'
            ? 2
            : 13;
      redis.defineCommand(command, { numberOfKeys, lua });
    }
  };
}
