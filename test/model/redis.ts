import { attemptsAllowed, leaseTtl, lookAfter, lookAtMost, type Outcome, type Session, type Turn } from './session.js';
import { type Args, type Call, lives, nameOf, type Reply, violate, type World } from './world.js';

type Script = (world: World, args: Args) => Reply;

/** Executes a command in one step. Checks what only Redis sees: that no old owner writes. */
export function execute(world: World, call: Call): void {
  const script = scripts[call.op];
  if (script === undefined) throw new Error(`no script ${call.op}`);
  call.reply = script(world, call.args);
}

const queueOf = (workerNumber: number): string => (workerNumber > 0 ? `worker-${workerNumber}` : 'intake');
const code = (name: string): Reply => ({ code: name });

function publish(world: World, session: Session, event: string): void {
  session.events.push(event);
  const id = session.events.length;
  if (world.dropsNext) world.dropsNext = false;
  else world.reader.inbox.push({ incarnation: session.incarnation, id, event });
}

/** Admits a write of an owner, as `fence.lua` does. */
function admit(world: World, session: Session | null, args: Args): string {
  if (session === null) return 'FENCED';
  if (world.rules.fence && (session.fence === '' || session.fence !== args.fence)) return 'FENCED';
  const batch = args.batch ?? 0;
  if (world.rules.batch && batch <= session.batch) return 'REPEATED';
  if (world.rules.batch && batch > session.batch + 1) return 'GAP';
  if (session.grant !== args.grant) violate(world, 'a write under an old fence');
  else if (batch <= session.batch) violate(world, 'a write that was sent twice was written twice');
  return 'OK';
}

function owned(write: (world: World, session: Session, args: Args) => Reply): Script {
  return (world, args) => {
    const { session } = world.redis;
    const admitted = admit(world, session, args);
    if (session === null || (admitted !== 'OK' && admitted !== 'REPEATED')) return code(admitted);
    if (admitted === 'REPEATED') return { code: 'OK', turn: session.turns[args.seq ?? 0] as Turn };
    const reply = write(world, session, args);
    if (reply.code === 'OK') session.batch = args.batch ?? 0;
    return reply;
  };
}

function endTurn(world: World, session: Session, seq: number, outcome: Outcome): void {
  const turn = session.turns[seq];
  if (turn === undefined) return;
  session.log = session.log.filter((other) => other !== seq);
  turn.outcome = outcome;
  turn.isRunning = false;
  session.nextCheck = world.now + lookAfter;
  session.sweeps = 0;
  const name = nameOf(session.incarnation, turn.turnId);
  world.ghost.outcomes[name] = (world.ghost.outcomes[name] ?? 0) + 1;
  if ((world.ghost.outcomes[name] ?? 0) > 1) violate(world, 'a turn was committed twice');
  if (outcome === 'stopped' && !world.ghost.interrupted.includes(name))
    violate(world, 'a turn was stopped without an interrupt');
  publish(world, session, `ended ${seq} ${outcome}`);
}

function truncate(world: World, session: Session): void {
  if (world.rules.truncate) session.transcript.length = session.committed;
}

function opened(incarnation: string): Session {
  return {
    incarnation,
    owner: '',
    workerNumber: 0,
    fence: '',
    grant: 0,
    batch: 0,
    epoch: 0,
    seq: 0,
    isClosing: false,
    log: [],
    turns: {},
    turnIds: {},
    events: [],
    transcript: [],
    committed: 0,
    past: [],
    nextCheck: 0,
    sweeps: 0,
    isToStop: false,
  };
}

const isInterrupted = (world: World, session: Session, turn: Turn): boolean =>
  world.rules.controlTarget ? turn.isToStop : session.isToStop;

const mayServe = ({ rules }: World, { log }: Session, seq: number): boolean =>
  rules.headFirst ? log[0] === seq : log.includes(seq);

const scripts: Readonly<Record<string, Script>> = {
  submit(world, { turnId = '', incarnation = '', ring }) {
    const { redis } = world;
    const known = redis.session?.turnIds[turnId];
    if (known !== undefined && redis.session !== null && world.rules.turnIds) {
      const { turnId: _, ...turn } = redis.session.turns[known] as Turn;
      return { code: 'OK', seq: known, ring: turn.ring, incarnation: redis.session.incarnation };
    }
    if (redis.session?.isClosing) return code('CLOSING');
    redis.session ??= opened(incarnation);
    const { session } = redis;
    if (known !== undefined) violate(world, 'a turn is in its session twice');
    session.seq += 1;
    const { seq } = session;
    const at = {
      queue: queueOf(session.workerNumber),
      job: world.rules.freshRings ? (ring?.job ?? '') : `turn-${seq}`,
    };
    session.turns[seq] = { turnId, ring: at, attempts: 0, tools: 0, isRunning: false, isToStop: false };
    session.turnIds[turnId] = seq;
    if (session.log.length === 0) session.nextCheck = world.now + lookAfter;
    session.log.push(seq);
    publish(world, session, `queued ${seq}`);
    return { code: 'OK', seq, ring: at, incarnation: session.incarnation };
  },
  /** BullMQ's add, which ignores a known id. */
  add(world, { ring, seq = 0 }) {
    if (ring === undefined) return code('OK');
    const known = world.redis.jobs.some(({ queue, id }) => queue === ring.queue && id === ring.job);
    if (!known) world.redis.jobs.push({ queue: ring.queue, id: ring.job, seq, state: 'waiting', by: '' });
    return code('OK');
  },
  ring(world, { seq = 0, seen, ring }) {
    const { session } = world.redis;
    const turn = session?.turns[seq];
    if (session === null || turn === undefined || !session.log.includes(seq)) return code('GONE');
    const is = (other: { queue: string; job: string } | undefined): boolean =>
      other !== undefined && turn.ring.queue === other.queue && turn.ring.job === other.job;
    if (!is(seen) && !is(ring)) return code('MOVED');
    if (ring !== undefined) turn.ring = ring;
    return code('OK');
  },
  claim(world, { worker = '', workerNumber = 0, grant = 0, deadFence = '', seq = 0 }) {
    const { session } = world.redis;
    if (session === null) return code('GONE');
    if (!session.log.includes(seq)) return code(seq > session.seq ? 'GONE' : 'MOVED');
    const { incarnation } = session;
    if (session.owner === worker)
      return {
        code: 'OK',
        fence: session.fence,
        grant: session.grant,
        batch: session.batch,
        incarnation,
        chunks: session.committed,
      };
    if (session.isClosing) return code('GONE');
    if (session.owner !== '' && session.fence !== deadFence && world.rules.deadOnly)
      return { code: 'OTHER', owner: session.owner, workerNumber: session.workerNumber, fence: session.fence };
    if (world.ghost.lastRollback < 0 && lives(world, session.owner))
      violate(world, 'a session changed its owner for no reason');
    session.epoch += 1;
    session.grant = grant;
    session.fence = world.rules.nonce ? `${session.epoch}.${grant}` : `${session.epoch}`;
    Object.assign(session, { owner: worker, workerNumber, batch: 0, sweeps: 0 });
    truncate(world, session);
    return { code: 'OK', fence: session.fence, grant, batch: 0, incarnation, chunks: session.committed };
  },
  lives: (world, { worker = '' }) => code(lives(world, worker) ? 'LIVES' : 'ABSENT'),
  renew(world, { worker = '' }) {
    if (!lives(world, worker)) return code('DEAD');
    world.redis.leases[worker] = world.now + leaseTtl;
    return code('OK');
  },
  head(world) {
    const { session } = world.redis;
    if (session?.isClosing) return code('CLOSING');
    const seq = world.rules.headFirst ? session?.log[0] : session?.log.at(-1);
    if (session === null || seq === undefined) return code('GONE');
    return { code: 'OK', seq, turn: { ...(session.turns[seq] as Turn) } };
  },
  past(world, { chunks = 0 }) {
    return { code: 'OK', lines: (world.redis.session?.transcript ?? []).slice(0, chunks) };
  },
  begin: owned((world, session, { seq = 0 }) => {
    const turn = session.turns[seq];
    if (turn === undefined || !mayServe(world, session, seq)) return code('NOT_HEAD');
    if (isInterrupted(world, session, turn)) return code('INTERRUPTED');
    if (turn.attempts >= attemptsAllowed) return code('EXHAUSTED');
    if (turn.isToStop) violate(world, 'an interrupted turn began');
    if (session.log.some((other) => other < seq)) violate(world, 'a turn began before an earlier one');
    turn.attempts += 1;
    turn.isRunning = true;
    session.sweeps = 0;
    truncate(world, session);
    publish(world, session, `started ${seq} ${turn.attempts}`);
    return { code: 'OK', turn: { ...turn } };
  }),
  reachTool: owned((world, session, { seq = 0 }) => {
    const turn = session.turns[seq];
    if (turn === undefined || !mayServe(world, session, seq)) return code('NOT_HEAD');
    turn.tools += 1;
    publish(world, session, `tool ${seq}`);
    return code('OK');
  }),
  transcript: owned((_world, session, { at = 0, line = '' }) => {
    if (at > session.transcript.length) return code('GAP');
    if (at === session.transcript.length) session.transcript.push(line);
    return code('OK');
  }),
  commit: owned((world, session, { seq = 0, outcome = 'finished', chunks = 0 }) => {
    if (!session.log.includes(seq) && world.rules.oneResult) return code('ALREADY');
    session.committed = Math.min(chunks, session.transcript.length);
    const turn = session.turns[seq];
    if (outcome === 'finished' || (outcome === 'stopped' && chunks > session.past.length))
      session.past.push(...linesOf(turn?.turnId ?? '', turn?.attempts ?? 0, chunks - session.past.length));
    if (outcome === 'stopped') session.isToStop = false;
    endTurn(world, session, seq, outcome);
    return code('OK');
  }),
  release: owned((world, session, { mode }) => {
    if (session.log.length > 0 && mode !== 'drain') return code('NOT_EMPTY');
    Object.assign(session, { owner: '', workerNumber: 0, fence: '', grant: 0, batch: 0 });
    const left = session.log.map((seq) => ({ seq, ring: (session.turns[seq] as Turn).ring }));
    if (left.length > 0) session.nextCheck = world.now;
    return { code: 'OK', left };
  }),
  sweep(world, { dead = [] }) {
    const { session } = world.redis;
    const seq = session?.log[0];
    if (session === null || seq === undefined) return code('NOTHING');
    const ownerIsDead = session.owner !== '' && !lives(world, session.owner);
    const isReported =
      dead.includes(session.owner) && (world.rules.deadReported || session.sweptFence !== session.fence);
    if (session.nextCheck > world.now && !isReported) return code('NOTHING');
    if (isReported && world.rules.deadReported) {
      session.sweeps = 0;
      session.nextCheck = Math.min(session.nextCheck, world.now + lookAfter);
    } else {
      if (isReported) session.sweptFence = session.fence;
      session.sweeps += 1;
      session.nextCheck = world.now + Math.min(lookAfter * 2 ** (session.sweeps - 1), lookAtMost);
    }
    const { ring } = session.turns[seq] as Turn;
    const job = world.redis.jobs.find(({ queue, id }) => queue === ring.queue && id === ring.job);
    const isAlive = job?.state === 'waiting' || (job?.state === 'active' && lives(world, job.by));
    const workerNumber = ownerIsDead ? 0 : session.workerNumber;
    const isWell = isAlive && ring.queue === queueOf(workerNumber);
    return { code: isWell ? 'WELL' : 'LOST', seq, ring, owner: session.owner, workerNumber };
  },
  interrupt(world, { turnId = '', incarnation = '' }) {
    const { session } = world.redis;
    const turn = session?.turns[session.turnIds[turnId] ?? 0];
    if (session === null || session.incarnation !== incarnation) return code('GONE');
    if (turn === undefined || turn.outcome !== undefined) return code('GONE');
    turn.isToStop = true;
    session.isToStop = true;
    world.ghost.interrupted.push(nameOf(incarnation, turnId));
    return code('OK');
  },
  withdraw(world, { seq = 0, incarnation = '', deadFence = '' }) {
    const { session } = world.redis;
    const turn = session?.turns[seq];
    if (session === null || session.incarnation !== incarnation || turn === undefined) return code('GONE');
    if (turn.outcome !== undefined || !session.log.includes(seq)) return code('ALREADY');
    const isOwned = session.owner !== '' && session.fence !== deadFence;
    if (turn.isRunning && (isOwned || !session.isClosing)) return code('RUNNING');
    endTurn(world, session, seq, 'cancelled');
    return code('OK');
  },
  close(world, { incarnation = '' }) {
    const { session } = world.redis;
    if (session === null || session.incarnation !== incarnation) return code('GONE');
    session.isClosing = true;
    const left = session.log.map((seq) => ({ seq, ring: (session.turns[seq] as Turn).ring }));
    return { code: 'OK', left, owner: session.owner, fence: session.fence };
  },
  erase(world, { incarnation = '', deadFence = '' }) {
    const { session } = world.redis;
    if (session === null || session.incarnation !== incarnation) return code('GONE');
    if (session.log.length > 0) return code('NOT_EMPTY');
    if (session.owner !== '' && session.fence !== deadFence)
      return { code: 'OTHER', owner: session.owner, fence: session.fence };
    world.ghost.erased.push(incarnation);
    // Not promised: turnIds are erased with their session, so a late submit is a new turn.
    world.strays = world.strays.filter(({ op }) => op !== 'submit');
    world.redis.session = null;
    return code('OK');
  },
};

/** The lines of one attempt in the transcript. */
const linesOf = (turnId: string, attempt: number, count: number): string[] =>
  Array.from({ length: Math.max(0, count) }, (_, at) => `${turnId}#${attempt}.${at}`);
