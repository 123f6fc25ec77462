import fc from 'fast-check';
import * as controls from './control-steps.js';
import { checkInvariants } from './invariants.js';
import * as lifecycle from './lifecycle-steps.js';
import type { Model } from './model.js';
import { sessionIds } from './session-ids.js';
import * as sessions from './session-steps.js';
import { type Submit, submit } from './submit-step.js';
import * as workers from './worker-steps.js';
import type { World } from './world.js';
import * as writers from './writer-steps.js';

/** One step of a schedule, followed by a comparison of Redis with the model. */
class Step<S> implements fc.AsyncCommand<Model, World> {
  constructor(
    private readonly step: S,
    private readonly act: (model: Model, world: World, step: S) => Promise<void>,
    private readonly when: (model: Model, step: S) => boolean,
  ) {}

  check(model: Readonly<Model>): boolean {
    return this.when(model as Model, this.step);
  }
  async run(model: Model, world: World): Promise<void> {
    await this.act(model, world, this.step);
    await checkInvariants(model, world);
  }
  toString(): string {
    return `${this.act.name}(${JSON.stringify(this.step)})`;
  }
}

const [favourite] = sessionIds;
const session = fc.constantFrom(favourite, favourite, ...sessionIds);
const which = fc.nat(30);
/** The proxy drops every third reply. */
const drop = fc.nat(2).map((n) => n === 2);
const likely = fc.nat(4).map((n) => n < 4);
const unlikely = fc.nat(4).map((n) => n === 4);
/** Texts that break a careless joining of JSON: quotes, brackets, commas, line ends, and characters of several bytes. */
const text = fc.constantFrom('a', '', '"],[', 'é\n\u0000', '😀', '\ud800');
/** No half surrogate pair, because it does not survive UTF-8. Workers cut chunks between characters. */
const chunk = fc.constantFrom('{"a":1}\n', 'é\n\u0000', '😀');

const always = (): boolean => true;
const known = (model: Model, step: { session: string }): boolean => model.sessions.has(step.session);
const claimed = (model: Model, step: { session: string }): boolean =>
  known(model, step) && model.writersOf(step.session).length > 0;

function steps<S>(
  params: { [K in keyof S]: fc.Arbitrary<S[K]> },
  act: (model: Model, world: World, step: S) => Promise<void>,
  when: (model: Model, step: S) => boolean,
): fc.Arbitrary<fc.AsyncCommand<Model, World>> {
  return fc.record(params).map((step) => new Step(step as S, act, when));
}

const byWriter = { session, stale: fc.nat(2).map((n) => n === 2), which, drop };

const submitting = steps<Submit>(
  {
    session,
    known: unlikely,
    which,
    producer: which,
    drop,
    profile: fc.constantFrom(undefined, undefined, 'default', 'other'),
    onBusy: fc.constantFrom(undefined, undefined, undefined, 'reject', 'interrupt'),
    refused: unlikely,
  },
  submit,
  always,
);
const interruptingSubmit = steps<Submit>(
  {
    session,
    known: fc.constant(false),
    which,
    producer: which,
    drop,
    profile: fc.constant(undefined),
    onBusy: fc.constant('interrupt' as const),
    refused: fc.constant(false),
  },
  submit,
  always,
);
const claiming = steps<sessions.Claim>(
  {
    session,
    worker: which,
    zombie: unlikely,
    drop,
    seq: fc.constantFrom('head', 'head', 'head', 'committed', 'beyond', 'none'),
    deadFence: fc.constantFrom('right', 'right', 'right', 'wrong'),
  },
  sessions.claim,
  (model) => model.living.length > 0,
);
const beginning = steps({ ...byWriter, head: likely }, writers.begin, claimed);
const appending = steps(
  { ...byWriter, batches: fc.array(fc.array(text, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }) },
  writers.append,
  claimed,
);
const transcribing = steps(
  {
    ...byWriter,
    offset: fc.constantFrom<'next' | 'known' | 'beyond'>('next', 'next', 'next', 'known', 'known', 'beyond'),
    chunk,
    settled: unlikely,
  },
  writers.transcript,
  claimed,
);
const committing = steps(
  {
    ...byWriter,
    turn: fc.constantFrom('head' as const, 'head' as const, 'last' as const, 'committed' as const),
    chunks: which,
    note: fc.constantFrom('', 'You were cut off.'),
  },
  writers.commit,
  claimed,
);
const gating = steps({ ...byWriter, head: likely, tool: fc.constantFrom('Bash', 'Read') }, writers.reachTool, claimed);
const asking = steps(
  { ...byWriter, head: likely, requestId: fc.constantFrom('p', 'q') },
  writers.askPermission,
  claimed,
);
const control = { session, which, client: which, drop };
const interrupting = steps(control, controls.interrupt, known);
const answering = steps({ ...control, asOwner: unlikely }, controls.answer, known);
const opening = steps<Parameters<typeof controls.open>[2]>(
  { ...control, profile: fc.constantFrom(undefined, 'default', 'other') },
  controls.open,
  always,
);
const releasing = steps(
  { ...byWriter, mode: fc.constantFrom('idle' as const, 'drain' as const) },
  writers.release,
  claimed,
);
const ringing = steps<sessions.RingAgain>(
  { session, turn: which, seen: fc.constantFrom('last', 'last', 'older'), client: which, drop },
  sessions.ring,
  known,
);
const sweeping = steps<sessions.Sweep>(
  { session, worker: which, withDead: fc.boolean(), drop },
  sessions.sweep,
  always,
);
const withdrawing = steps<lifecycle.Withdraw>(
  { session, turn: which, deadFence: fc.constantFrom('right', 'wrong', 'none'), client: which, drop },
  lifecycle.withdraw,
  known,
);
const delaying = steps({ session, which, isOver: fc.boolean(), client: which }, lifecycle.delay, known);
const closing = steps({ session, client: which, drop }, lifecycle.close, known);
const closingUnused = steps<lifecycle.Close>(
  { session, usedBefore: fc.constantFrom('now', 'long ago'), client: which, drop },
  lifecycle.close,
  known,
);
const closingWhole = steps({ session, client: which, drop }, lifecycle.closeWhole, known);
const erasing = steps({ session, otherIncarnation: unlikely, client: which, drop }, lifecycle.erase, known);
/** Closing is rare, because nothing more happens in a closing session until it is erased. */
const finishing = fc.oneof(
  { weight: 4, arbitrary: withdrawing },
  { weight: 1, arbitrary: closing },
  { weight: 3, arbitrary: closingUnused },
  { weight: 3, arbitrary: erasing },
  { weight: 3, arbitrary: closingWhole },
);
const becomingOverdue = steps({ session }, sessions.becomeOverdue, known);
const starting = steps({ drop }, workers.startWorker, (model) => model.living.length < workers.mostWorkers);
const takingOver = steps({ session, worker: which, drop }, workers.takeOver, claimed);
const killing = steps({ which }, workers.killWorker, (model) => model.living.length > 0);
const stopping = steps({ which, drop }, workers.stopWorker, (model) => model.workers.length > 0);
const renewing = steps({ which, drop }, workers.renewLease, (model) => model.workers.length > 0);
const acquiringAgain = steps({ which, drop }, workers.acquireAgain, (model) => model.workers.length > 0);
const resendingLate = steps({ which }, workers.lateResend, (model) => model.workers.length > 0);

const core = [
  submitting,
  submitting,
  submitting,
  claiming,
  claiming,
  takingOver,
  takingOver,
  beginning,
  beginning,
  appending,
  appending,
  transcribing,
  transcribing,
  transcribing,
  committing,
  committing,
  gating,
  releasing,
  ringing,
  delaying,
  withdrawing,
  finishing,
  sweeping,
  sweeping,
  becomingOverdue,
  starting,
  starting,
  killing,
  stopping,
  renewing,
  acquiringAgain,
  resendingLate,
  resendingLate,
];
const controlling = [asking, asking, answering, answering, interrupting, opening];
/** Steps around control requests, so that requests are made, resolved and void. */
const aroundControls = [
  submitting,
  interruptingSubmit,
  interruptingSubmit,
  takingOver,
  beginning,
  beginning,
  committing,
  claiming,
];

/** Steps in which sessions without waiting turns have delayed turns. */
const delayedOnly = [opening, submitting, withdrawing, withdrawing, delaying, delaying, closingUnused, finishing];

/** Schedules of producers and workers. Steps with which a session advances are listed, and so drawn, more often. */
export const schedules = {
  all: fc.commands([...core, ...controlling], { maxCommands: 60, size: 'max' }),
  core: fc.commands(core, { maxCommands: 60, size: 'max' }),
  delayed: fc.commands(delayedOnly, { maxCommands: 30, size: 'max' }),
  controls: fc.commands([...aroundControls, ...controlling, ...controlling], { maxCommands: 60, size: 'max' }),
};
export type ScheduleKind = keyof typeof schedules;
