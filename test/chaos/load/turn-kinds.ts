import type { Random } from '../../support/random.js';

/** One prompt, and what it is to do in the world. */
export interface Work {
  prompt: string;
  onInterrupted: 'fail' | 'retry';
  effects: readonly string[];
}

interface TurnKind {
  weight: number;
  make: (turnId: string, random: Random) => Work;
}

/** Its agent says whose it is. */
const says = '[[env HEARTH_MARK_WORKER]]';

const effect = (text: string, ms: number): string => `[[tool Effect ${JSON.stringify({ text, ms })}]]`;

const talk = (script: string, weight: number): TurnKind => ({
  weight,
  make: (_turnId, random) => ({
    prompt: `${says} [[stream chunks=${random.between(3, 10)} every=${random.between(5, 60)}ms]] ${script} one two three four five six seven`,
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

/** What sessions are asked to do; most of it goes well by itself. */
export const turnKinds: readonly TurnKind[] = [
  talk('', 10),
  acts('', 'fail', 8),
  acts('', 'retry', 6),
  talk('[[crash during times=1]]', 1),
  talk('[[crash before signal=SIGKILL times=1]]', 1),
  acts('[[crash after-tool times=1]]', 'retry', 1),
  acts('[[crash after-tool times=1]]', 'fail', 1),
  acts('[[crash after-answer times=1]]', 'retry', 0.5),
  talk('[[crash after-result times=1]]', 1),
  talk('[[garbage 5]]', 1),
  talk('[[split]]', 1),
  talk('[[result-first]]', 1),
  talk('[[second-result after=100ms]]', 1),
  talk('[[late-result 200ms]]', 1),
  talk('[[unmirrored]]', 0.3),
  talk('[[line 1MB]]', 0.5),
  talk('[[stderr 200KB]]', 0.5),
  acts('[[error 529 times=1]]', 'fail', 0.5),
];

/** What only a watchdog ends. */
export const hungKinds: readonly TurnKind[] = [
  talk('[[stall after=1]]', 1),
  talk('[[no-result]]', 1),
  talk('[[deaf]] [[stall after=0]]', 1),
];

/** A line beyond all bounds ends the agent that printed it. */
export const hugeLine: TurnKind = talk('[[line 100MB]]', 1);

/** Kills the worker it runs on: its agent's parent. */
export const deadly = (turnId: string): Work => ({
  prompt: `${says} [[tool Bash {"command":"kill -9 $(ps -o ppid= -p $PPID); sleep 5"}]] ${turnId}`,
  onInterrupted: 'retry',
  effects: [],
});
