import { agentOf, endAgent, prompt, startAgent } from './agent.js';
import { endJob, receive } from './caller.js';
import { mayRetry, type Outcome, type Ring, type Turn } from './session.js';
import { type Actor, type Args, newRing, type Reply, type Worker, type World } from './world.js';

/** Ends the agent and the doorbells of a session that this worker no longer owns. */
export function dropSession(world: World, worker: Worker): void {
  const { actor } = worker;
  if (actor === undefined) return;
  if (actor.agent !== '') endAgent(world, actor.agent);
  for (const doorbell of actor.doorbells) endJob(world, doorbell);
  delete worker.actor;
}

/** One step of the owner of the session. */
export function stepActor(world: World, worker: Worker): boolean {
  const { actor } = worker;
  if (worker.state !== 'up' || actor === undefined) return false;
  if (actor.call === undefined) return actorActs(world, worker, actor);
  const isWrite = actor.call.args.batch !== undefined;
  const reply = receive(actor);
  if (reply === undefined) return false;
  // The batch number increases only when the script took it.
  if (isWrite && reply.code === 'OK') actor.batch += 1;
  if (reply.code === 'FENCED' || reply.code === 'GAP') dropSession(world, worker);
  else actorContinues(world, worker, actor, reply);
  return true;
}

function write(actor: Actor, op: string, args: Args): void {
  actor.call = { op, args: { fence: actor.fence, grant: actor.grant, batch: actor.batch + 1, ...args } };
}

function commit(actor: Actor, outcome: Outcome, chunks: number): void {
  actor.pc = 'commit';
  actor.chunks = chunks;
  write(actor, 'commit', { seq: actor.seq, outcome, chunks });
}

/** The next step of an actor that waits for no reply. */
function actorActs(world: World, worker: Worker, actor: Actor): boolean {
  switch (actor.pc) {
    case 'idle':
      if (worker.isDraining || actor.isLeaving) return leave(world, actor, 'drain');
      if (!actor.isRung) return false;
      actor.pc = 'readHead';
      return true;
    case 'readHead':
      if (worker.isDraining || actor.isLeaving) return leave(world, actor, 'drain');
      actor.isRung = false;
      actor.call = { op: 'head', args: {} };
      return true;
    case 'acquire':
      if (world.rules.sameAgent && agentOf(world, actor.agent)?.state === 'idle') {
        actor.pc = 'begin';
        return true;
      }
      // What a dead agent started ends before another agent starts.
      endAgent(world, actor.agent);
      actor.call = { op: 'past', args: { chunks: actor.committed } };
      return true;
    case 'begin':
      write(actor, 'begin', { seq: actor.seq });
      return true;
    case 'serving':
      return listen(world, actor);
    default:
      return false;
  }
}

/** Reads the next line of the agent, or that it is gone. */
function listen(world: World, actor: Actor): boolean {
  const agent = agentOf(world, actor.agent);
  const said = agent?.out.shift();
  if (said === undefined) {
    if (agent !== undefined && agent.state !== 'dead') return false;
    endAgent(world, actor.agent);
    actor.pc = 'readHead';
    return true;
  }
  if (said === 'finished' || said === 'stopped') commit(actor, said, actor.written);
  else {
    actor.pc = said === 'gate' ? 'gate' : 'transcript';
    if (said === 'gate') write(actor, 'reachTool', { seq: actor.seq });
    else write(actor, 'transcript', { at: actor.written, line: said });
  }
  return true;
}

/** Ends the agent, then releases the lock. */
export function leave(world: World, actor: Actor, mode: 'idle' | 'drain'): boolean {
  if (world.rules.agentFirst) endAgent(world, actor.agent);
  actor.pc = 'release';
  write(actor, 'release', { mode });
  return true;
}

function actorContinues(world: World, worker: Worker, actor: Actor, reply: Reply): void {
  switch (actor.pc) {
    case 'readHead':
      return headRead(world, actor, reply);
    case 'acquire':
      actor.agent = startAgent(world, worker.id, [...(reply.lines ?? [])]).id;
      actor.pc = 'begin';
      return;
    case 'begin':
      return beginReplied(world, actor, reply);
    case 'transcript':
      actor.written += 1;
      actor.pc = 'serving';
      return;
    case 'gate': {
      const agent = agentOf(world, actor.agent);
      if (agent !== undefined) agent.gate = reply.code === 'OK' ? 'open' : 'denied';
      actor.pc = 'serving';
      return;
    }
    case 'commit':
      // A turn that was withdrawn meanwhile also ends its doorbells.
      if (reply.code === 'OK') actor.committed = actor.chunks;
      endDoorbells(world, actor, (seq) => seq === actor.seq);
      actor.pc = 'readHead';
      return;
    case 'release':
      if (reply.code === 'NOT_EMPTY') {
        actor.pc = 'readHead';
        return;
      }
      actor.left = actor.isClosing ? [] : (reply.left ?? []);
      return ringNext(world, worker, actor);
    case 'ringLeft':
      if (reply.code !== 'OK') {
        actor.left.shift();
        return ringNext(world, worker, actor);
      }
      actor.pc = 'addLeft';
      actor.call = { op: 'add', args: { seq: actor.left[0]?.seq ?? 0, ring: actor.left[0]?.ring as Ring } };
      return;
    case 'addLeft':
      actor.left.shift();
      return ringNext(world, worker, actor);
    default:
  }
}

function ringNext(world: World, worker: Worker, actor: Actor): void {
  const next = actor.left[0];
  if (next === undefined) return dropSession(world, worker);
  actor.pc = 'ringLeft';
  const ring = newRing(world, 'intake', next.seq);
  actor.call = { op: 'ring', args: { seq: next.seq, seen: next.ring, ring } };
  next.ring = ring;
}

function headRead(world: World, actor: Actor, reply: Reply): void {
  const { turn } = reply;
  if (reply.code === 'CLOSING') {
    actor.isClosing = true;
    leave(world, actor, 'drain');
    return;
  }
  if (turn === undefined) {
    for (const doorbell of actor.doorbells.splice(0)) endJob(world, doorbell);
    actor.pc = 'idle';
    return;
  }
  endDoorbells(world, actor, (seq) => seq < (reply.seq ?? 0));
  Object.assign(actor, { seq: reply.seq, turnId: turn.turnId });
  const refusal = refusalOf(turn);
  if (refusal === undefined) actor.pc = 'acquire';
  else commit(actor, refusal, actor.committed);
}

/** Why a turn does not begin again. */
function refusalOf(turn: Turn): Outcome | undefined {
  if (turn.attempts === 0) return undefined;
  if (turn.isToStop) return 'stopped';
  if (turn.tools.length > 0 && !mayRetry(turn.turnId)) return 'interrupted';
  return turn.attempts >= 3 ? 'crashed' : undefined;
}

function beginReplied(world: World, actor: Actor, reply: Reply): void {
  switch (reply.code) {
    case 'INTERRUPTED':
      return commit(actor, 'stopped', actor.committed);
    case 'EXHAUSTED':
      return commit(actor, 'crashed', actor.committed);
    case 'NOT_HEAD':
      actor.pc = 'readHead';
      return;
    default: {
      actor.attempt = reply.turn?.attempts ?? 0;
      actor.written = actor.committed;
      actor.pc = 'serving';
      const agent = agentOf(world, actor.agent);
      const { incarnation, grant, seq, turnId, attempt } = actor;
      if (agent !== undefined) prompt(world, agent, { incarnation, grant, seq, turnId, attempt });
    }
  }
}

function endDoorbells(world: World, actor: Actor, fits: (seq: number) => boolean): void {
  for (const doorbell of actor.doorbells) if (fits(doorbell.seq)) endJob(world, doorbell);
  actor.doorbells = actor.doorbells.filter(({ seq }) => !fits(seq));
}
