import {
  acceptTurn,
  addChunk,
  admission,
  beginKind,
  beginTurn,
  changeOwner,
  claimKind,
  commitTurn,
  countSweep,
  endTurn,
  eraseKind,
  isHead,
  isOpen,
  openedSession,
  queuedTurn,
  releaseLock,
  seqOf,
  turnAt,
  withdrawKind,
} from '../support/session-model.js';
import { leaseTtl, lookAfter, lookAtMost, type Outcome, type Session, type Turn } from './session.js';
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
const copyOf = (turn: Turn): Turn => ({ ...turn, tools: [...turn.tools] });

function publish(world: World, session: Session, event: string): void {
  session.events.push(event);
  const id = session.events.length;
  if (world.dropsNext) world.dropsNext = false;
  else world.reader.inbox.push({ incarnation: session.incarnation, id, event });
}

/** A write of an owner. Notices a write that the guards let pass although they must not. */
function owned(write: (world: World, session: Session, args: Args) => Reply): Script {
  return (world, args) => {
    const { session } = world.redis;
    const batch = args.batch ?? 0;
    const admitted = admission(session, args.fence ?? '', batch, world.rules);
    if (session === null || admitted === 'fenced' || admitted === 'gap') return code(admitted.toUpperCase());
    if (admitted === 'repeated') return { code: 'OK', turn: turnAt(session, args.seq ?? 0) as Turn };
    if (session.grant !== args.grant) violate(world, 'a write under an old fence');
    else if (batch <= session.batch) violate(world, 'a write that was sent twice was written twice');
    const reply = write(world, session, args);
    if (reply.code === 'OK') session.batch = batch;
    return reply;
  };
}

/** Records how a turn ended, after it has left the log. */
function recordOutcome(world: World, session: Session, seq: number, outcome: Outcome): void {
  const turn = turnAt(session, seq);
  if (turn === undefined) return;
  turn.outcome = outcome;
  session.nextCheck = world.now + lookAfter;
  const name = nameOf(session.incarnation, turn.turnId);
  world.ghost.outcomes[name] = (world.ghost.outcomes[name] ?? 0) + 1;
  if ((world.ghost.outcomes[name] ?? 0) > 1) violate(world, 'a turn was committed twice');
  if (outcome === 'stopped' && !world.ghost.interrupted.includes(name))
    violate(world, 'a turn was stopped without an interrupt');
  publish(world, session, `ended ${seq} ${outcome}`);
}

const opened = (incarnation: string): Session => ({
  ...openedSession(incarnation),
  grant: 0,
  events: [],
  past: [],
  nextCheck: 0,
  isToStop: false,
});

const scripts: Readonly<Record<string, Script>> = {
  submit(world, { turnId = '', incarnation = '', ring }) {
    const { redis } = world;
    const known = redis.session === null ? 0 : seqOf(redis.session, turnId);
    if (known > 0 && redis.session !== null && world.rules.turnIds) {
      const { ring } = turnAt(redis.session, known) as Turn;
      return { code: 'OK', seq: known, ring, incarnation: redis.session.incarnation };
    }
    if (redis.session?.isClosing) return code('CLOSING');
    redis.session ??= opened(incarnation);
    const { session } = redis;
    if (known > 0) violate(world, 'a turn is in its session twice');
    const next = session.turns.length + 1;
    const at = {
      queue: queueOf(session.workerNumber),
      job: world.rules.freshRings ? (ring?.job ?? '') : `turn-${next}`,
    };
    if (session.log.length === 0) session.nextCheck = world.now + lookAfter;
    const { seq } = acceptTurn(session, { ...queuedTurn(turnId), ring: at });
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
    const turn = session === null ? undefined : turnAt(session, seq);
    if (session === null || turn === undefined || !session.log.includes(seq)) return code('GONE');
    const is = (other: { queue: string; job: string } | undefined): boolean =>
      other !== undefined && turn.ring.queue === other.queue && turn.ring.job === other.job;
    if (!is(seen) && !is(ring)) return code('MOVED');
    if (ring !== undefined) turn.ring = ring;
    return code('OK');
  },
  claim(world, { worker: workerId = '', workerNumber = 0, grant = 0, deadFence = '', seq = 0 }) {
    const { session } = world.redis;
    const kind = claimKind(session ?? undefined, workerId, seq, deadFence, world.rules);
    if (session === null || kind === 'gone') return code('GONE');
    if (kind === 'committed') return code('MOVED');
    if (kind === 'other')
      return { code: 'OTHER', owner: session.owner, workerNumber: session.workerNumber, fence: session.fence };
    if (kind === 'anew') {
      if (world.ghost.lastRollback < 0 && lives(world, session.owner))
        violate(world, 'a session changed its owner for no reason');
      const epoch = session.epoch + 1;
      session.grant = grant;
      changeOwner(
        session,
        { workerId, workerNumber },
        world.rules.nonce ? `${epoch}.${grant}` : `${epoch}`,
        world.rules,
      );
    }
    const { fence, batch, incarnation, committedChunks: chunks } = session;
    return { code: 'OK', fence, grant: session.grant, batch, incarnation, chunks };
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
    return { code: 'OK', seq, turn: copyOf(turnAt(session, seq) as Turn) };
  },
  past(world, { chunks = 0 }) {
    return { code: 'OK', lines: (world.redis.session?.transcript ?? []).slice(0, chunks) };
  },
  begin: owned((world, session, { seq = 0 }) => {
    const turn = turnAt(session, seq);
    const kind = isToStop(world, session, seq) ?? beginKind(session, seq, world.rules);
    if (turn === undefined || kind !== 'ok') return code(kind.toUpperCase());
    if (turn.isToStop) violate(world, 'an interrupted turn began');
    if (session.log.some((other) => other < seq)) violate(world, 'a turn began before an earlier one');
    beginTurn(session, turn, world.rules);
    publish(world, session, `started ${seq} ${turn.attempts}`);
    return { code: 'OK', turn: copyOf(turn) };
  }),
  reachTool: owned((world, session, { seq = 0 }) => {
    const turn = turnAt(session, seq);
    if (turn === undefined || !isHead(session, seq, world.rules)) return code('NOT_HEAD');
    turn.tools.push('tool');
    publish(world, session, `tool ${seq}`);
    return code('OK');
  }),
  transcript: owned((_world, session, { at = 0, line = '' }) =>
    code(addChunk(session, at, line) === 'gap' ? 'GAP' : 'OK'),
  ),
  commit: owned((world, session, { seq = 0, outcome = 'finished', chunks = 0 }) => {
    if (!isOpen(session, seq, world.rules)) return code('ALREADY');
    commitTurn(session, seq, chunks, world.rules);
    const turn = turnAt(session, seq);
    if (outcome === 'finished' || (outcome === 'stopped' && chunks > session.past.length))
      session.past.push(...linesOf(turn?.turnId ?? '', turn?.attempts ?? 0, chunks - session.past.length));
    if (outcome === 'stopped') session.isToStop = false;
    recordOutcome(world, session, seq, outcome);
    return code('OK');
  }),
  release: owned((world, session, { mode }) => {
    if (session.log.length > 0 && mode !== 'drain') return code('NOT_EMPTY');
    releaseLock(session);
    session.grant = 0;
    const left = leftIn(session);
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
    countSweep(session, isReported && world.rules.deadReported);
    if (isReported && world.rules.deadReported) {
      session.nextCheck = Math.min(session.nextCheck, world.now + lookAfter);
    } else {
      if (isReported) session.sweptFence = session.fence;
      session.nextCheck = world.now + Math.min(lookAfter * 2 ** (session.sweeps - 1), lookAtMost);
    }
    const { ring } = turnAt(session, seq) as Turn;
    const job = world.redis.jobs.find(({ queue, id }) => queue === ring.queue && id === ring.job);
    const isAlive = job?.state === 'waiting' || (job?.state === 'active' && lives(world, job.by));
    const workerNumber = ownerIsDead ? 0 : session.workerNumber;
    const isWell = isAlive && ring.queue === queueOf(workerNumber);
    return { code: isWell ? 'WELL' : 'LOST', seq, ring, owner: session.owner, workerNumber };
  },
  interrupt(world, { turnId = '', incarnation = '' }) {
    const { session } = world.redis;
    if (session === null || session.incarnation !== incarnation) return code('GONE');
    const turn = turnAt(session, seqOf(session, turnId));
    if (turn === undefined || turn.outcome !== undefined) return code('GONE');
    turn.isToStop = true;
    session.isToStop = true;
    world.ghost.interrupted.push(nameOf(incarnation, turnId));
    return code('OK');
  },
  withdraw(world, { seq = 0, incarnation = '', deadFence = '' }) {
    const { session } = world.redis;
    if (session === null || session.incarnation !== incarnation || turnAt(session, seq) === undefined)
      return code('GONE');
    const kind = withdrawKind(session, seq, deadFence);
    if (kind !== 'withdrawn') return code(kind === 'running' ? 'RUNNING' : 'ALREADY');
    endTurn(session, seq, 'failed');
    recordOutcome(world, session, seq, 'cancelled');
    return code('OK');
  },
  close(world, { incarnation = '' }) {
    const { session } = world.redis;
    if (session === null || session.incarnation !== incarnation) return code('GONE');
    session.isClosing = true;
    return { code: 'OK', left: leftIn(session), owner: session.owner, fence: session.fence };
  },
  erase(world, { incarnation = '', deadFence = '' }) {
    const { session } = world.redis;
    const kind = session === null ? 'gone' : eraseKind(session, incarnation, deadFence);
    if (session === null || kind === 'gone') return code('GONE');
    if (kind === 'not_empty') return code('NOT_EMPTY');
    if (kind === 'held') return { code: 'OTHER', owner: session.owner, fence: session.fence };
    world.ghost.erased.push(incarnation);
    // Not promised: turnIds are erased with their session, so a late submit is a new turn.
    world.strays = world.strays.filter(({ op }) => op !== 'submit');
    world.redis.session = null;
    return code('OK');
  },
};

/** Without `controlTarget` an interrupt stops whichever turn begins next. */
function isToStop(world: World, session: Session, seq: number): 'not_head' | 'interrupted' | 'ok' | undefined {
  if (world.rules.controlTarget) return undefined;
  const turn = turnAt(session, seq);
  if (turn === undefined || !isHead(session, seq, world.rules)) return 'not_head';
  return session.isToStop ? 'interrupted' : undefined;
}

const leftIn = (session: Session): { seq: number; ring: Turn['ring'] }[] =>
  session.log.map((seq) => ({ seq, ring: (turnAt(session, seq) as Turn).ring }));

/** The lines of one attempt in the transcript. */
const linesOf = (turnId: string, attempt: number, count: number): string[] =>
  Array.from({ length: Math.max(0, count) }, (_, at) => `${turnId}#${attempt}.${at}`);
