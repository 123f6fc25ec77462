import type { HazardName } from '../hazard-names.js';
import { isHazardName } from '../hazard-names.js';
import { type Directives, parseDirectives } from '../model-api/directives.js';
import { bytes, count, DirectiveError, fieldsOf, milliseconds, times } from '../model-api/fields.js';

const crashPoints = ['before', 'during', 'after-tool', 'after-answer', 'after-result'] as const;
export type CrashPoint = (typeof crashPoints)[number];

const cuttableLines = ['result', 'gate', 'tool', 'mirror'] as const;
export type CuttableLine = (typeof cuttableLines)[number];

interface Crash {
  at: CrashPoint;
  /** An exit code, or the signal with which it kills itself. */
  how: number | NodeJS.Signals;
  /** Counted over all processes that play this prompt of this session. */
  times: number;
}

/** What goes wrong in a turn. Source: public reports on Claude Code; see the README. */
export interface Hazards {
  crash: Crash | undefined;
  noResult: boolean;
  firstPartResult: boolean;
  /** How long after the result it is repeated, ms. */
  secondResultMs: number | undefined;
  /** How late the result of an interrupted turn is, ms. */
  lateResultMs: number;
  resultFirst: boolean;
  unmirrored: boolean;
  /** After how many pieces of text the output stops. */
  stallAfter: number | undefined;
  mute: boolean;
  deaf: boolean;
  permissionDead: boolean;
  grow: { bytesPerSecond: number; most: number } | undefined;
  orphan: { holdsStdout: boolean; forMs: number } | undefined;
  lineBytes: number | undefined;
  split: boolean;
  half: CuttableLine | undefined;
  stderrBytes: number | undefined;
  garbageLines: number;
  usageLimit: boolean;
  merge: boolean;
  continueOnResume: boolean;
  /** Names of environment variables to answer with. `argv`: the command line. */
  tells: { argv: boolean; env: string[] };
}

/** The script of a prompt: what the model says, and what the process does wrong. */
export interface Script extends Directives {
  hazards: Hazards;
}

/** @throws DirectiveError */
export function parseScript(text: string): Script {
  const hazards: Hazards = {
    crash: undefined,
    noResult: false,
    firstPartResult: false,
    secondResultMs: undefined,
    lateResultMs: 0,
    resultFirst: false,
    unmirrored: false,
    stallAfter: undefined,
    mute: false,
    deaf: false,
    permissionDead: false,
    grow: undefined,
    orphan: undefined,
    lineBytes: undefined,
    split: false,
    half: undefined,
    stderrBytes: undefined,
    garbageLines: 0,
    usageLimit: false,
    merge: false,
    continueOnResume: false,
    tells: { argv: false, env: [] },
  };
  const directives = parseDirectives(text, (word, directive, argument) => {
    if (!isHazardName(word)) return false;
    readers[word](hazards, directive, argument);
    return true;
  });
  return { ...directives, hazards };
}

type Reader = (hazards: Hazards, directive: string, argument: string) => void;

/** A directive without an argument. */
const flag =
  (set: (hazards: Hazards) => void): Reader =>
  (hazards, directive, argument) => {
    fieldsOf(directive, argument, []);
    set(hazards);
  };

const readers: Record<HazardName, Reader> = {
  argv: flag((hazards) => {
    hazards.tells.argv = true;
  }),
  env: (hazards, directive, argument) => {
    if (!/^\w+$/.test(argument)) throw new DirectiveError(directive, 'env NAME');
    hazards.tells.env.push(argument);
  },
  crash: (hazards, directive, argument) => {
    hazards.crash = crash(directive, argument);
  },
  'no-result': flag((hazards) => {
    hazards.noResult = true;
  }),
  'first-part-result': flag((hazards) => {
    hazards.firstPartResult = true;
  }),
  'second-result': (hazards, directive, argument) => {
    hazards.secondResultMs = milliseconds(directive, fieldsOf(directive, argument, ['after'])['after'] ?? '0ms');
  },
  'late-result': (hazards, directive, argument) => {
    hazards.lateResultMs = milliseconds(directive, argument);
  },
  'result-first': flag((hazards) => {
    hazards.resultFirst = true;
  }),
  unmirrored: flag((hazards) => {
    hazards.unmirrored = true;
  }),
  stall: (hazards, directive, argument) => {
    hazards.stallAfter = count(directive, fieldsOf(directive, argument, ['after'])['after'] ?? '0');
  },
  mute: flag((hazards) => {
    hazards.mute = true;
  }),
  deaf: flag((hazards) => {
    hazards.deaf = true;
  }),
  'permission-dead': flag((hazards) => {
    hazards.permissionDead = true;
  }),
  grow: (hazards, directive, argument) => {
    const { by = '60MB', to = '300MB' } = fieldsOf(directive, argument, ['by', 'to']);
    hazards.grow = { bytesPerSecond: bytes(directive, by), most: bytes(directive, to) };
  },
  orphan: (hazards, directive, argument) => {
    const { holds = 'nothing', for: lives = '60s' } = fieldsOf(directive, argument, ['holds', 'for']);
    if (holds !== 'nothing' && holds !== 'stdout') throw new DirectiveError(directive, 'holds=stdout or holds=nothing');
    hazards.orphan = { holdsStdout: holds === 'stdout', forMs: milliseconds(directive, lives) };
  },
  line: (hazards, directive, argument) => {
    hazards.lineBytes = bytes(directive, argument);
  },
  split: flag((hazards) => {
    hazards.split = true;
  }),
  half: (hazards, directive, argument) => {
    const line = cuttableLines.find((name) => name === argument);
    if (line === undefined) throw new DirectiveError(directive, `half ${cuttableLines.join('|')}`);
    hazards.half = line;
  },
  stderr: (hazards, directive, argument) => {
    hazards.stderrBytes = bytes(directive, argument);
  },
  garbage: (hazards, directive, argument) => {
    hazards.garbageLines = count(directive, argument === '' ? '1' : argument);
  },
  'usage-limit': flag((hazards) => {
    hazards.usageLimit = true;
  }),
  merge: flag((hazards) => {
    hazards.merge = true;
  }),
  'continue-on-resume': flag((hazards) => {
    hazards.continueOnResume = true;
  }),
};

function crash(directive: string, argument: string): Crash {
  const [at = '', ...more] = argument.split(/\s+/);
  const fields = fieldsOf(directive, more.join(' '), ['code', 'signal', 'times']);
  if (!crashPoints.includes(at as CrashPoint))
    throw new DirectiveError(directive, `crash ${crashPoints.join('|')} [code=N] [signal=SIGKILL] [times=N]`);
  const signal = fields['signal'];
  if (signal !== undefined && !/^SIG[A-Z]+$/.test(signal))
    throw new DirectiveError(directive, 'a signal such as SIGKILL');
  const how = signal === undefined ? count(directive, fields['code'] ?? '1') : (signal as NodeJS.Signals);
  return { at: at as CrashPoint, how, times: times(directive, fields['times']) };
}
