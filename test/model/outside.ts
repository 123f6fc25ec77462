import { releaseLock, seqOf } from '../support/session-model.js';
import { receive } from './caller.js';
import type { Ring } from './session.js';
import { deliverInterrupt } from './upkeep.js';
import { nameOf, newRing, type Producer, type Reader, type Reply, type World } from './world.js';

export function addProducer(world: World, pc: Producer['pc'], turnId = '', incarnation = ''): Producer {
  // Without `logFirst` the producer rings the doorbell and reports the turn as accepted before the turn is in the log.
  const first = pc === 'submit' && !world.rules.logFirst ? 'ring' : pc;
  const producer: Producer = { pc: first, turnId, seq: 0, incarnation, left: [], owner: '', fence: '', deadFence: '' };
  if (first === 'ring') {
    producer.incarnation = world.redis.session?.incarnation ?? `i${++world.counter}`;
    producer.seq = (world.redis.session?.turns.length ?? 0) + 1;
    producer.ring = newRing(world, 'intake', producer.seq);
  }
  world.producers.push(producer);
  return producer;
}

export function stepProducer(world: World, producer: Producer): boolean {
  if (producer.pc === 'done') return false;
  if (producer.call === undefined) {
    producer.call = callOf(world, producer);
    return true;
  }
  const reply = receive(producer);
  if (reply === undefined) return false;
  continueWith(world, producer, reply);
  return true;
}

function callOf(world: World, producer: Producer) {
  const { turnId, seq, incarnation, ring, deadFence, left, owner } = producer;
  switch (producer.pc) {
    case 'submit': {
      const incarnationIfNew = incarnation === '' ? `i${++world.counter}` : incarnation;
      return { op: 'submit', args: { turnId, incarnation: incarnationIfNew, ring: newRing(world, '', seq) } };
    }
    case 'ring':
      return { op: 'add', args: { seq, ring: ring as Ring } };
    case 'withdraw':
      return { op: 'withdraw', args: { seq: left[0] ?? 0, incarnation, deadFence } };
    case 'cancel':
      return { op: 'withdraw', args: { seq, incarnation } };
    case 'owner':
      return { op: 'lives', args: { worker: owner } };
    default:
      return { op: producer.pc, args: { turnId, incarnation, deadFence } };
  }
}

function continueWith(world: World, producer: Producer, reply: Reply): void {
  switch (producer.pc) {
    case 'submit':
      if (reply.code === 'CLOSING') return;
      Object.assign(producer, { pc: world.rules.logFirst ? 'ring' : 'done', seq: reply.seq, ring: reply.ring });
      producer.incarnation = reply.incarnation ?? '';
      if (world.rules.logFirst) accept(world, producer);
      return;
    case 'ring':
      producer.pc = world.rules.logFirst ? 'done' : 'submit';
      if (!world.rules.logFirst) accept(world, producer);
      return;
    case 'interrupt': {
      producer.pc = 'done';
      const owner = world.workers.find(({ id }) => id === world.redis.session?.owner);
      // Half of the calls are lost, by the parity of the counter.
      if (reply.code === 'OK' && owner !== undefined && world.counter % 2 === 0)
        deliverInterrupt(world, owner, producer.seq);
      return;
    }
    case 'close':
      Object.assign(producer, { left: (reply.left ?? []).map(({ seq }) => seq), owner: reply.owner ?? '' });
      producer.fence = reply.fence ?? '';
      producer.pc = reply.code === 'OK' ? 'owner' : 'done';
      callOwner(world, producer.owner);
      return;
    case 'owner':
      producer.deadFence = reply.code === 'ABSENT' ? producer.fence : '';
      producer.pc = producer.left.length > 0 ? 'withdraw' : 'erase';
      return;
    case 'withdraw':
      if (reply.code === 'RUNNING') producer.pc = 'close';
      else if (producer.left.length > 1) producer.left.shift();
      else producer.pc = 'erase';
      return;
    case 'erase':
      producer.pc = reply.code === 'OTHER' || reply.code === 'NOT_EMPTY' ? 'close' : 'done';
      return;
    default:
      producer.pc = 'done';
  }
}

/** Calls the owner. An owner without an actor for the session, after a failed write, releases the lock. */
function callOwner(world: World, owner: string): void {
  const { session } = world.redis;
  const worker = world.workers.find(({ id, state }) => id === owner && state === 'up');
  if (worker === undefined || worker.actor !== undefined || worker.admission !== undefined) return;
  if (session?.owner !== owner) return;
  releaseLock(session);
  session.grant = 0;
}

function accept(world: World, { incarnation, turnId }: Producer): void {
  // Not promised: an accepted turn that no replica had when Redis failed over.
  const { session } = world.redis;
  if (world.ghost.lastRollback >= 0 && (session === null || seqOf(session, turnId) === 0)) return;
  world.ghost.accepted.push(nameOf(incarnation, turnId));
}

/** A reader takes the next message, or reads the stream at a gap. */
export function stepReader(world: World): boolean {
  const { reader } = world;
  const message = reader.inbox.shift();
  if (message === undefined) return false;
  if (message.incarnation === reader.incarnation) {
    if (message.id <= reader.last) return true;
    if (message.id === reader.last + 1) {
      take(reader, message.event);
      return true;
    }
  }
  readStream(world);
  return true;
}

/** Reads the stream, at a gap and after silence. */
export function readStream(world: World): boolean {
  const { reader } = world;
  const { session } = world.redis;
  if (session === null) return false;
  if (session.incarnation !== reader.incarnation) {
    Object.assign(reader, { incarnation: session.incarnation, last: 0, view: [] });
  }
  const missed = session.events.slice(reader.last);
  for (const event of missed) take(reader, event);
  return missed.length > 0;
}

function take(reader: Reader, event: string): void {
  reader.view.push(event);
  reader.last += 1;
}
