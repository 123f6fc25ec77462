import { endJob, receive } from './caller.js';
import type { Ring } from './session.js';
import {
  type Actor,
  type Call,
  type Doorbell,
  newRing,
  type Reply,
  type Task,
  type Worker,
  type World,
} from './world.js';

/** Takes the next doorbell of a queue. */
export function takeDoorbell(world: World, worker: Worker, queue: string): boolean {
  if (worker.state !== 'up' || worker.isDraining || worker.admission !== undefined) return false;
  const job = world.redis.jobs.find((other) => other.state === 'waiting' && other.queue === queue);
  if (job === undefined) return false;
  Object.assign(job, { state: 'active', by: worker.id });
  const doorbell: Doorbell = { seq: job.seq, queue: job.queue, job: job.id };
  if (worker.actor !== undefined) ringActor(worker.actor, doorbell);
  else worker.admission = { pc: 'claim', doorbell, seq: job.seq, deadFence: '', fence: '' };
  return true;
}

function ringActor(actor: Actor, doorbell: Doorbell): void {
  actor.doorbells.push(doorbell);
  actor.isRung = true;
}

/** One exchange with Redis about the doorbell in admission. */
export function stepAdmission(world: World, worker: Worker): boolean {
  const task = worker.admission;
  if (worker.state !== 'up' || task?.doorbell === undefined) return false;
  if (worker.actor !== undefined && task.pc === 'claim' && task.call === undefined) {
    ringActor(worker.actor, task.doorbell);
    delete worker.admission;
    return true;
  }
  if (task.call === undefined) {
    task.call = admissionCall(world, worker, task);
    return true;
  }
  const reply = receive(task);
  if (reply === undefined) return false;
  admissionContinues(world, worker, task, task.doorbell, reply);
  return true;
}

function admissionCall(world: World, worker: Worker, task: Task): Call {
  const { seq, deadFence, ring, seen } = task;
  switch (task.pc) {
    case 'claim':
      return {
        op: 'claim',
        args: { worker: worker.id, workerNumber: worker.workerNumber, grant: ++world.counter, deadFence, seq },
      };
    case 'lives':
      return { op: 'lives', args: { worker: task.fence } };
    case 'ring':
      return { op: 'ring', args: { seq, seen: seen as Ring, ring: ring as Ring } };
    default:
      return { op: 'add', args: { seq, ring: ring as Ring } };
  }
}

function admissionContinues(world: World, worker: Worker, task: Task, doorbell: Doorbell, reply: Reply): void {
  const over = (): void => {
    endJob(world, doorbell);
    delete worker.admission;
  };
  switch (task.pc) {
    case 'claim':
      if (reply.code === 'OTHER') {
        Object.assign(task, { pc: 'lives', fence: reply.owner, deadFence: reply.fence });
        task.ring = newRing(world, `worker-${reply.workerNumber}`, task.seq);
        task.seen = { queue: doorbell.queue, job: doorbell.job };
        return;
      }
      if (reply.code !== 'OK') return over();
      delete worker.admission;
      worker.actor = openActor(reply, doorbell);
      return;
    case 'lives':
      task.pc = reply.code === 'LIVES' ? 'ring' : 'claim';
      return;
    case 'ring':
      if (reply.code !== 'OK') return over();
      task.pc = 'add';
      return;
    default:
      over();
  }
}

function openActor(reply: Reply, doorbell: Doorbell): Actor {
  const chunks = reply.chunks ?? 0;
  return {
    incarnation: reply.incarnation ?? '',
    fence: reply.fence ?? '',
    grant: reply.grant ?? 0,
    batch: reply.batch ?? 0,
    committed: chunks,
    written: chunks,
    pc: 'readHead',
    seq: 0,
    turnId: '',
    attempt: 0,
    chunks: 0,
    agent: '',
    doorbells: [doorbell],
    left: [],
    isRung: true,
    isLeaving: false,
    isClosing: false,
  };
}
