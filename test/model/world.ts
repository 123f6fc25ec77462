import type { Rules } from './rules.js';
import { type Ending, type Job, leaseTtl, type Ring, type Session, type Turn } from './session.js';

interface RedisState {
  session: Session | null;
  jobs: Job[];
  /** worker → when its lease ends. */
  leases: Record<string, number>;
  workerNumbers: Record<string, string>;
  /** The dead whose worker number went to another, and whose sessions nobody has looked for yet. */
  deadWithoutNumber: string[];
}

/** A command on its way: to Redis, or its reply back. */
export interface Call {
  op: string;
  args: Args;
  reply?: Reply;
}

export interface Args {
  turnId?: string;
  incarnation?: string;
  ring?: Ring;
  seen?: Ring;
  seq?: number;
  worker?: string;
  workerNumber?: number;
  grant?: number;
  deadFence?: string;
  fence?: string;
  batch?: number;
  chunks?: number;
  line?: string;
  ending?: Ending;
  mode?: 'idle' | 'drain';
  event?: string;
  at?: number;
  /** Workers that whoever sweeps has found dead, and not dealt with yet. */
  dead?: string[];
}

export interface Reply {
  code: string;
  seq?: number;
  ring?: Ring;
  owner?: string;
  workerNumber?: number;
  fence?: string;
  grant?: number;
  batch?: number;
  incarnation?: string;
  chunks?: number;
  lines?: string[];
  turn?: Turn;
  left?: { seq: number; ring: Ring }[];
}

export interface Bell {
  seq: number;
  queue: string;
  job: string;
}

type ActorPc =
  | 'idle'
  | 'look'
  | 'meet'
  | 'begin'
  | 'serving'
  | 'transcript'
  | 'gate'
  | 'commit'
  | 'release'
  | 'ringLeft'
  | 'addLeft';

export interface Actor {
  incarnation: string;
  fence: string;
  grant: number;
  batch: number;
  /** Chunks that are the past, and all that were written. */
  settled: number;
  written: number;
  pc: ActorPc;
  call?: Call;
  seq: number;
  turnId: string;
  attempt: number;
  /** What the commit in hand makes the past. */
  chunks: number;
  agent: string;
  bells: Bell[];
  left: { seq: number; ring: Ring }[];
  isRung: boolean;
  isLeaving: boolean;
  isClosing: boolean;
}

export interface Task {
  pc: string;
  call?: Call;
  bell?: Bell;
  seq: number;
  ring?: Ring;
  seen?: Ring;
  deadFence: string;
  fence: string;
}

export interface Worker {
  id: string;
  state: 'up' | 'frozen' | 'dead';
  workerNumber: number;
  /** When the last confirmed renewal was sent. */
  beat: number;
  /** The dead whose sessions it has looked at. */
  buried: string[];
  isDraining: boolean;
  /** Its timers are overdue: they come right after the next thing it does. */
  isLate: boolean;
  renewal?: Call;
  admission?: Task;
  sweep?: Task;
  actor?: Actor;
}

export interface Agent {
  id: string;
  worker: string;
  state: 'idle' | 'busy' | 'dead';
  memory: string[];
  incarnation: string;
  grant: number;
  seq: number;
  turnId: string;
  attempt: number;
  step: number;
  gate: 'closed' | 'asked' | 'open' | 'denied';
  isStopping: boolean;
  out: string[];
}

export interface Tool {
  agent: string;
  worker: string;
  incarnation: string;
  grant: number;
  turnId: string;
}

export interface Producer {
  pc: 'submit' | 'ring' | 'close' | 'withdraw' | 'erase' | 'owner' | 'interrupt' | 'cancel' | 'done';
  turnId: string;
  seq: number;
  incarnation: string;
  ring?: Ring;
  left: number[];
  owner: string;
  fence: string;
  deadFence: string;
  call?: Call;
}

export interface Reader {
  incarnation: string;
  last: number;
  view: string[];
  inbox: { incarnation: string; id: number; event: string }[];
}

/** What the invariants remember. A turn is named `<incarnation>/<turnId>`. */
interface Ghost {
  accepted: string[];
  endings: Record<string, number>;
  effects: Record<string, number>;
  wished: string[];
  erased: string[];
  /** The agent that served the session last, under which grant, and whether it has been lost since. */
  home: { incarnation: string; grant: number; agent: string; isLost: boolean };
  violations: string[];
  lastRollback: number;
}

export interface World {
  now: number;
  counter: number;
  redis: RedisState;
  /** What the replica has; only when Redis may fail over. */
  replica?: RedisState;
  acceptedThere?: string[];
  workers: Worker[];
  agents: Agent[];
  tools: Tool[];
  producers: Producer[];
  /** Commands that were sent twice, and may arrive once more. */
  strays: Call[];
  reader: Reader;
  ghost: Ghost;
  /** The next message published is lost. */
  dropsNext: boolean;
  rules: Rules;
}

const nowhere = { incarnation: '', grant: 0, agent: '', isLost: true };

export function newWorld(rules: Rules, workers: number): World {
  const world: World = {
    now: 0,
    counter: 0,
    redis: { session: null, jobs: [], leases: {}, workerNumbers: {}, deadWithoutNumber: [] },
    workers: [],
    agents: [],
    tools: [],
    producers: [],
    strays: [],
    reader: { incarnation: '', last: 0, view: [], inbox: [] },
    ghost: {
      accepted: [],
      endings: {},
      effects: {},
      wished: [],
      erased: [],
      home: nowhere,
      violations: [],
      lastRollback: -1,
    },
    dropsNext: false,
    rules,
  };
  for (let at = 0; at < workers; at += 1) startWorker(world);
  return world;
}

export function startWorker(world: World): Worker {
  const id = `w${++world.counter}`;
  let workerNumber = 1;
  for (; ; workerNumber += 1) {
    const holder = world.redis.workerNumbers[workerNumber];
    if (holder === undefined || !lives(world, holder)) break;
  }
  const dead = world.redis.workerNumbers[workerNumber];
  if (dead !== undefined) world.redis.deadWithoutNumber.push(dead);
  world.redis.workerNumbers[workerNumber] = id;
  world.redis.leases[id] = world.now + leaseTtl;
  const worker: Worker = {
    id,
    state: 'up',
    workerNumber,
    beat: world.now,
    buried: [],
    isDraining: false,
    isLate: false,
  };
  world.workers.push(worker);
  return worker;
}

export const lives = (world: World, worker: string): boolean => (world.redis.leases[worker] ?? -1) > world.now;

export function violate(world: World, what: string): void {
  world.ghost.violations.push(what);
}

export const nameOf = (incarnation: string, turnId: string): string => `${incarnation}/${turnId}`;

export const newRing = (world: World, queue: string, seq: number): Ring => ({
  queue,
  job: world.rules.freshRings ? `j${++world.counter}` : `turn-${seq}`,
});
