import assert from 'node:assert/strict';
import { addChunk, beginKind, beginTurn, isHead, isOpen } from '../../../../../test/support/session-model.js';
import { HearthError, type HearthEvent } from '../../../src/index.js';
import { parseRing, type SessionWriter } from '../../../src/internal.js';
import { commitInput, started, textDelta, toolStarted } from '../../support/samples.js';
import { type Model, type ModelSession, type ModelWriter, recordCommit, releaseSession, turnOf } from './model.js';
import { type Performed, perform, pick } from './perform.js';
import { clientOf } from './session-steps.js';
import type { World } from './world.js';

/** Selects a writer: the session's last, or a stale one from before a takeover. */
export interface ByWriter {
  session: string;
  stale: boolean;
  which: number;
  drop: boolean;
}

interface Selected {
  session: ModelSession;
  by: ModelWriter;
  writer: SessionWriter;
  owns: boolean;
}

function select(model: Model, world: World, step: ByWriter): Selected {
  const writers = model.writersOf(step.session);
  const by = step.stale ? pick(writers, step.which) : pick(writers, writers.length - 1);
  const writer = world.writers.get(by.key);
  assert.ok(writer !== undefined);
  return { session: model.session(step.session), by, writer, owns: model.owns(by) };
}

async function write<T extends { kind: string }>(
  model: Model,
  world: World,
  selected: Selected,
  script: string,
  step: ByWriter,
  call: () => Promise<T>,
): Promise<Performed<T>> {
  const client = clientOf(model, world, selected.by.worker);
  const performed = await perform(world, { client, script, drop: step.drop }, call);
  if (!selected.owns) {
    // P4: a write of a worker that does not own the session is refused and changes nothing.
    assert.deepEqual(performed.outcome, { kind: 'fenced' });
    assert.equal(performed.changed, false, `${script} under an old fence changed something`);
    selected.by.fenced = true;
  }
  return performed;
}

const refusedAsDefect = (outcome: unknown): boolean =>
  outcome instanceof HearthError && outcome.code === 'store_refused';

/** The head of the log, another waiting turn, or one that was never accepted. */
function seqToHandle({ log, turns }: ModelSession, head: boolean): number {
  return (head ? log[0] : log.length > 1 ? log.at(-1) : undefined) ?? turns.length + 1;
}

export async function begin(model: Model, world: World, step: ByWriter & { head: boolean }): Promise<void> {
  const selected = select(model, world, step);
  const { session, writer } = selected;
  const seq = seqToHandle(session, step.head);
  const event = started(seq, session.turns[seq - 1]?.turnId ?? '', selected.by.worker.id);
  const { outcome, changed } = await write(model, world, selected, 'begin', step, () => writer.begin(seq, event));
  if (!selected.owns) return;
  const expected = beginKind(session, seq);
  if (expected !== 'ok') {
    assert.deepEqual(outcome, { kind: expected });
    assert.equal(changed, false);
    if (expected === 'not_head') world.dropLastCall();
    return;
  }
  assert.ok('kind' in outcome && outcome.kind === 'ok' && outcome.queuedMs >= 0, JSON.stringify(outcome));
  beginTurn(session, turnOf(session, seq));
  session.batch += 1;
  session.events.push(event);
  session.permissions = {};
}

export async function append(model: Model, world: World, step: ByWriter & { batches: string[][] }): Promise<void> {
  const selected = select(model, world, step);
  const { session, writer } = selected;
  const seq = session.log[0] ?? session.turns.length;
  const batches = step.batches.map((texts) => texts.map((text): HearthEvent => textDelta(seq, text)));
  // The writer sends concurrent batches one after the other (W1).
  const { outcome } = await write(model, world, selected, 'append', step, async () => {
    const outcomes = await Promise.all(batches.map((events) => writer.append(events)));
    return outcomes.find(({ kind }) => kind !== 'ok') ?? { kind: 'ok' };
  });
  if (!selected.owns) return;
  assert.deepEqual(outcome, { kind: 'ok' });
  session.batch += batches.length;
  session.events.push(...batches.flat());
}

export async function reachTool(
  model: Model,
  world: World,
  step: ByWriter & { head: boolean; tool: string },
): Promise<void> {
  const selected = select(model, world, step);
  const { session, writer } = selected;
  const seq = seqToHandle(session, step.head);
  const event = toolStarted(seq, step.tool);
  const { outcome, changed } = await write(model, world, selected, 'reach_tool', step, () =>
    writer.reachTool(seq, step.tool, event),
  );
  if (!selected.owns) return;
  if (!isHead(session, seq)) {
    assert.ok(refusedAsDefect(outcome), 'a tool of a turn that does not run passed the gate');
    assert.equal(changed, false);
    return;
  }
  assert.deepEqual(outcome, { kind: 'ok' });
  turnOf(session, seq).tools.push(step.tool);
  session.batch += 1;
  session.events.push(event);
}

export async function askPermission(
  model: Model,
  world: World,
  step: ByWriter & { head: boolean; requestId: string },
): Promise<void> {
  const selected = select(model, world, step);
  const { session, writer } = selected;
  const seq = seqToHandle(session, step.head);
  // Agents give every request its own name.
  const requestId = `${step.requestId}-${model.fresh()}`;
  const request = { requestId, seq, toolUseId: 'u', name: 'Bash', input: { expiresAt: 0 }, suggestions: [] };
  const event = { type: 'permission.requested' as const, ...request };
  const { outcome, changed } = await write(model, world, selected, 'ask_permission', step, () =>
    writer.askPermission(request, 60_000, event),
  );
  if (!selected.owns) return;
  if (!isHead(session, seq)) {
    assert.deepEqual(outcome, { kind: 'not_head' }, 'a turn that does not run asked for a permission');
    assert.equal(changed, false);
    return;
  }
  assert.deepEqual(outcome, { kind: 'ok' });
  session.batch += 1;
  session.permissions[requestId] = request;
  // The model's events have no times.
  session.events.push(event as unknown as HearthEvent);
}

export async function transcript(
  model: Model,
  world: World,
  step: ByWriter & { offset: 'next' | 'known' | 'beyond'; chunk: string; settled: boolean },
): Promise<void> {
  const selected = select(model, world, step);
  const { session, writer } = selected;
  const length = session.transcript.length;
  const offset = step.offset === 'next' ? length : step.offset === 'known' ? Math.max(0, length - 1) : length + 1;
  const { outcome, changed } = await write(model, world, selected, 'transcript', step, () =>
    writer.transcript(offset, step.chunk, step.settled),
  );
  if (!selected.owns) return;
  const added = addChunk(session, offset, step.chunk);
  if (added === 'gap') {
    assert.ok(refusedAsDefect(outcome), 'a chunk was appended after a gap');
    assert.equal(changed, false);
    return;
  }
  assert.deepEqual(outcome, { kind: 'ok' });
  session.batch += 1;
  if (added === 'ok' && step.settled) session.committedChunks = length + 1;
}

export async function commit(
  model: Model,
  world: World,
  step: ByWriter & { turn: 'head' | 'last' | 'committed'; chunks: number; note: string },
): Promise<void> {
  const selected = select(model, world, step);
  const { session, writer } = selected;
  const committed = session.turns.findLastIndex(({ result }) => result !== undefined) + 1;
  const seq =
    step.turn === 'committed' || session.log.length === 0
      ? committed
      : (session.log.at(step.turn === 'head' ? 0 : -1) ?? 0);
  const turn = { sessionId: session.id, turnId: session.turns[seq - 1]?.turnId ?? '', seq };
  // Up to one chunk more than there are, because a missing chunk cannot be committed.
  const transcriptChunks = session.transcript.length + 1 - (step.chunks % (session.transcript.length + 2));
  const claude = `claude-${model.fresh()}`;
  const input = commitInput(turn, { transcriptChunks, note: step.note, claudeSessionId: claude });
  const { outcome, changed } = await write(model, world, selected, 'commit', step, () => writer.commit(seq, input));
  if (!selected.owns) return;
  if (!isOpen(session, seq)) {
    assert.deepEqual(outcome, { kind: 'already' }, 'a turn was committed twice');
    assert.equal(changed, false);
    return;
  }
  session.batch += 1;
  recordCommit(session, seq, {
    result: input.result,
    chunks: transcriptChunks,
    claude,
    note: step.note,
    costUsd: input.result.costUsd,
    event: input.event,
  });
  assert.deepEqual(outcome, { kind: 'ok' });
}

export async function release(model: Model, world: World, step: ByWriter & { mode: 'idle' | 'drain' }): Promise<void> {
  const selected = select(model, world, step);
  const { session, writer } = selected;
  const { outcome, changed, resent } = await write(model, world, selected, 'release', step, () =>
    writer.release(step.mode),
  );
  if (!selected.owns) return;
  if (step.mode === 'idle' && session.log.length > 0) {
    assert.deepEqual(outcome, { kind: 'not_empty' });
    assert.equal(changed, false);
    return;
  }
  const left = session.log.map((seq) => ({ seq, ring: parseRing(turnOf(session, seq).ring) }));
  // The first call released the lock, so the resend is fenced. The turns left are overdue for the next sweep.
  assert.deepEqual(outcome, resent ? { kind: 'fenced' } : { kind: 'ok', left });
  releaseSession(session);
}
