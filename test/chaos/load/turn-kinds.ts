import type { Random } from '../../support/random.js';

/** One prompt, and its intended effects. */
export interface Work {
  prompt: string;
  onInterrupted: 'fail' | 'retry';
  effects: readonly string[];
  /** Its agent becomes silent: only a time limit or an interrupt ends it. */
  hangs?: boolean;
  /** Its agent dies in the first attempt. */
  crashes?: boolean;
  /** Added to BullMQ as a job that brings its own turn, with this delay in ms. */
  dueInMs?: number;
}

export interface TurnKind {
  weight: number;
  make: (turnId: string, random: Random) => Work;
}

/** The agent prints the name of its worker, in several parts, so that an interrupt can fall between two of them. */
const says = Array.from({ length: 8 }, () => '[[env HEARTH_MARK_WORKER]]').join(' ');

const effect = (text: string, ms: number): string => `[[tool Effect ${JSON.stringify({ text, ms })}]]`;

const talk = (script: string, weight: number): TurnKind => ({
  weight,
  make: (turnId, random) => ({
    prompt: `${says} [[stream chunks=${random.between(3, 8)} every=${random.between(5, 60)}ms]] ${script} ${turnId}`,
    onInterrupted: 'fail',
    effects: [],
  }),
});

const acts = (script: string, onInterrupted: Work['onInterrupted'], weight: number): TurnKind => ({
  weight,
  make: (turnId, random) => {
    const effects = random.chance(0.3) ? [`${turnId}/1`, `${turnId}/2`] : [`${turnId}/1`];
    const tools = effects.map((text) => effect(text, random.between(5, 300))).join(' ');
    return { prompt: `${says} ${script} ${tools} done`, onInterrupted, effects };
  },
});

/** A shell in a process session of its own, as with the CLI: its agent does not control it any more. It has effects at intervals. */
export function shell(turnId: string, count: number, everyMs: number): Pick<Work, 'prompt' | 'effects'> {
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  const line = `printf '{"text":"%s","pid":%s,"at":%s}\\n' "${turnId}/$n" "$PPID" "$(date +%s%3N)" >> "$FAKE_CLAUDE_EFFECTS"`;
  const command = `for n in ${numbers.join(' ')}; do sleep ${everyMs / 1_000}; ${line}; done`;
  return {
    prompt: `${says} [[tool Bash ${JSON.stringify({ command })}]] done`,
    effects: numbers.map((n) => `${turnId}/${n}`),
  };
}

const shells = (onInterrupted: Work['onInterrupted'], weight: number): TurnKind => ({
  weight,
  make: (turnId, random) => ({ ...shell(turnId, random.between(3, 8), random.between(50, 250)), onInterrupted }),
});

const asJob = ({ weight, make }: TurnKind, part: number): TurnKind => ({
  weight: weight * part,
  make: (turnId, random) => ({ ...make(turnId, random), dueInMs: random.chance(0.5) ? random.between(100, 1_500) : 0 }),
});

const dies = ({ weight, make }: TurnKind): TurnKind => ({
  weight,
  make: (turnId, random) => ({ ...make(turnId, random), crashes: true }),
});

/** Prompts of sessions; most of them succeed without faults. */
export const turnKinds: readonly TurnKind[] = [
  talk('', 10),
  acts('', 'fail', 8),
  acts('', 'retry', 6),
  shells('fail', 3),
  shells('retry', 2),
  asJob(talk('', 10), 0.2),
  asJob(acts('', 'fail', 8), 0.2),
  dies(talk('[[crash during times=1]]', 1)),
  dies(talk('[[crash before signal=SIGKILL times=1]]', 1)),
  dies(acts('[[crash after-tool times=1]]', 'retry', 1)),
  dies(acts('[[crash after-tool times=1]]', 'fail', 1)),
  dies(acts('[[crash after-answer times=1]]', 'retry', 0.5)),
  talk('[[crash after-result times=1]]', 1),
  talk('[[garbage 5]]', 1),
  talk('[[split]]', 1),
  talk('[[half mirror]]', 0.3),
  talk('[[result-first]]', 1),
  talk('[[second-result after=100ms]]', 1),
  talk('[[late-result 200ms]]', 1),
  talk('[[unmirrored]]', 0.3),
  talk('[[line 1MB]]', 0.5),
  talk('[[stderr 200KB]]', 0.5),
  acts('[[error 529 times=1]]', 'fail', 0.5),
];

const hung = ({ weight, make }: TurnKind): TurnKind => ({
  weight: 0.3 * weight,
  make: (turnId, random) => ({ ...make(turnId, random), hangs: true }),
});

/** Turns that only a watchdog ends. */
export const hungKinds: readonly TurnKind[] = [
  talk('[[stall after=1]]', 1),
  talk('[[no-result]]', 1),
  talk('[[deaf]] [[stall after=0]]', 1),
  talk('[[half result]]', 1),
  acts('[[half gate]]', 'fail', 1),
  acts('[[half tool]]', 'fail', 1),
].map(hung);

/** A line longer than the limit ends the agent that printed it. */
export const hugeLine: TurnKind = talk('[[line 100MB]]', 0.3);

/** Kills the worker it runs on: its agent's parent. */
export const deadly = (turnId: string): Work => ({
  prompt: `${says} [[tool Bash {"command":"kill -9 $(ps -o ppid= -p $PPID); sleep 5"}]] ${turnId}`,
  onInterrupted: 'retry',
  effects: [],
});
