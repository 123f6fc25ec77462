import type { Rules } from './rules.js';
import { type Job, leaseTtl, type Outcome, type Ring, type Session, type Turn } from './session.js';

interface RedisState {
  session: Session | null;
  jobs: Job[];
  /** worker → when its lease ends. */
  leases: Record<string, number>;
  workerNumbers: Record<string, string>;
  /** Dead workers whose worker number was given away, and whose sessions no sweep has looked for yet. */
  deadWithoutNumber: string[];
}

/** A command on its way to Redis, or with its reply on the way back. */
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
  outcome?: Outcome;
  mode?: 'idle' | 'drain';
  event?: string;
  at?: number;
  /** Dead workers that the sweeping worker has not handled yet. */
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

export interface Doorbell {
  seq: number;
  queue: string;
  job: string;
}

type ActorPc =
  | 'idle'
  | 'readHead'
  | 'acquire'
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
  /** Number of committed chunks, and of all chunks. */
  committed: number;
  written: number;
  pc: ActorPc;
  call?: Call;
  seq: number;
  turnId: string;
  attempt: number;
  /** How many chunks the current commit commits. */
  chunks: number;
  agent: string;
  doorbells: Doorbell[];
  left: { seq: number; ring: Ring }[];
  isRung: boolean;
  isLeaving: boolean;
  isClosing: boolean;
}

export interface Task {
  pc: string;
  call?: Call;
  doorbell?: Doorbell;
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
  /** Dead workers whose sessions it has looked for. */
  handledDead: string[];
  isDraining: boolean;
  /** Its timers are overdue, and fire after its next step. */
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

/** State that only the invariants read. A turn is named `<incarnation>/<turnId>`. */
interface Ghost {
  accepted: string[];
  outcomes: Record<string, number>;
  effects: Record<string, number>;
  interrupted: string[];
  erased: string[];
  /** The agent that served the session last, its claim, and whether it was lost since. */
  home: { incarnation: string; grant: number; agent: string; isLost: boolean };
  violations: string[];
  lastRollback: number;
}

export interface World {
  now: number;
  counter: number;
  redis: RedisState;
  /** State of the replica, when Redis may fail over. */
  replica?: RedisState;
  acceptedThere?: string[];
  workers: Worker[];
  agents: Agent[];
  tools: Tool[];
  producers: Producer[];
  /** Commands that were sent twice, and may arrive again. */
  strays: Call[];
  reader: Reader;
  ghost: Ghost;
  /** Whether the next published message is lost. */
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
      outcomes: {},
      effects: {},
      interrupted: [],
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
    handledDead: [],
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
