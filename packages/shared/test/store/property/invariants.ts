import assert from 'node:assert/strict';
import type { HearthEvent } from '../../../src/index.js';
import { decodeSessionId, shardOf } from '../../../src/internal.js';
import { eventOf, parseEntry } from '../../../src/store/entry.js';
import type { Model, ModelSession } from './model.js';
import type { World } from './world.js';

/** Reads Redis around the proxy and compares all of it with the model. */
export async function checkInvariants(model: Model, world: World): Promise<void> {
  await world.caughtUp();
  for (const session of model.sessions.values()) await checkSession(session, world);
  await checkPending(model, world);
  await checkWorkers(model, world);
}

async function checkSession(session: ModelSession, world: World): Promise<void> {
  const keys = world.keys.session(session.id);
  const pipeline = world.direct
    .pipeline()
    .hgetall(keys.session)
    .zrange(keys.log, '0', '-1', 'WITHSCORES')
    .hgetall(keys.turnIds)
    .zrange(keys.done, '0', '-1')
    .xrange(keys.events, '-', '+')
    .lrange(keys.transcript, 0, -1)
    .hgetall(keys.permissions)
    .hgetall(keys.delayed);
  for (let seq = 1; seq <= session.turns.length + 1; seq++) pipeline.hgetall(`${keys.turnPrefix}${seq}`);
  const [hash, log, turnIds, done, stream, transcript, permissions, delayed, ...turns] = await run(pipeline);
  const at = `session ${session.id}`;

  const { created: _created, used: _used, cost, ...fields } = hash as Record<string, string>;
  assert.deepEqual(
    fields,
    {
      id: session.id,
      incarnation: session.incarnation,
      profile: 'default',
      seq: String(session.turns.length),
      events: String(session.events.length),
      transcript: String(session.committedChunks),
      epoch: String(session.epoch),
      fence: session.fence,
      owner: session.owner,
      workerNumber: session.workerNumber === 0 ? '' : String(session.workerNumber),
      batch: String(session.batch),
      claude: session.claude,
      sweeps: String(session.sweeps),
      turns: String(session.committed),
      note: session.note,
      ...(session.isClosing ? { closing: '1' } : {}),
    },
    at,
  );
  assert.equal(Number(cost), session.costUsd, `${at}: cost`);

  // P2: seqs are dense, and the log has them in the order of service. P7: a turn leaves the log once, by its commit.
  assert.deepEqual(
    flattenScores(log).map(([seq]) => seq),
    session.log.map(String),
    `${at}: log`,
  );
  assert.deepEqual(
    turnIds,
    Object.fromEntries(session.turns.map(({ turnId }, index) => [turnId, String(index + 1)])),
    `${at}: turnIds`,
  );
  const committed = session.turns.flatMap(({ turnId, result }, index) =>
    result === undefined ? [] : [`${index + 1} ${turnId}`],
  );
  assert.deepEqual((done as string[]).toSorted(), committed.toSorted(), `${at}: done`);
  assert.equal(committed.length, session.committed, `${at}: one commit per turn`);

  // P11: ids are dense from 1, and the published events are those of the stream.
  const numbered = session.events.map((event, index) => ({ id: index + 1, event }));
  assert.deepEqual(
    (stream as [string, string[]][]).map(([id, [, event]]) => ({
      id: Number(id.replace(/-0$/, '')),
      event: withoutTimes(eventOf(JSON.parse(event ?? ''))) as HearthEvent,
    })),
    numbered,
    `${at}: stream`,
  );
  const heard = world.heard.get(keys.channel);
  const published = heard?.events.map(({ id, event }) => ({ id, event: withoutTimes(event) })) ?? [];
  assert.deepEqual(published, numbered, `${at}: published`);
  assert.deepEqual([...(heard?.incarnations ?? [session.incarnation])], [session.incarnation], `${at}: incarnation`);

  const asked = Object.entries(permissions as Record<string, string>).map(([field, value]): [string, unknown] => [
    field,
    value === '' ? '' : withoutTimes(parseEntry(value)),
  ]);
  assert.deepEqual(Object.fromEntries(asked), session.permissions, `${at}: permissions`);

  assert.deepEqual(delayed, session.delayed, `${at}: delayed`);
  assert.deepEqual(transcript, session.transcript, `${at}: transcript`);
  assert.deepEqual(
    turns.map(readTurn),
    [
      ...session.turns.map(
        ({ turnId, request, ring, state, attempts, tools, cursor, outcomeEvent, result, isToStop }) => ({
          turnId,
          request,
          ring,
          state,
          attempts,
          tools,
          cursor,
          outcomeEvent,
          result,
          isToStop,
        }),
      ),
      undefined,
    ],
    `${at}: turns`,
  );
}

/** Removes times and random ids, which the model does not have. */
function withoutTimes(value: unknown): unknown {
  const { expiresAt: _expiresAt, answerId: _answerId, ...rest } = value as Record<string, unknown>;
  return rest;
}

function readTurn(read: unknown): object | undefined {
  const hash = read as Record<string, string>;
  if (hash['id'] === undefined) return undefined;
  const result = hash['result'];
  return {
    turnId: hash['id'],
    request: JSON.parse(hash['request'] ?? '') as unknown,
    ring: hash['ring'],
    state: hash['state'],
    attempts: Number(hash['attempts']),
    tools: (hash['tools'] ?? '').split('\n').filter((name) => name !== ''),
    cursor: Number(hash['cursor']),
    outcomeEvent: hash['outcomeEvent'] === undefined ? undefined : Number(hash['outcomeEvent']),
    result: result === undefined ? undefined : parseEntry(result),
    isToStop: hash['interrupt'] === '1',
  };
}

/** P1: a shard's pending set names exactly the sessions with a non-empty log. Overdue sessions have a check in the past. */
async function checkPending(model: Model, world: World): Promise<void> {
  const shards = new Set([...model.sessions.keys()].map(shardOf));
  const found: [string, boolean][] = [];
  const listed: [string, boolean][] = [];
  for (const shard of shards) {
    const pending = await world.direct.zrange(world.keys.pending(shard), '0', '-1', 'WITHSCORES');
    for (const [member, dueAt] of flattenScores(pending)) found.push([decodeSessionId(member), dueAt <= Date.now()]);
    const sessions = await world.direct.zrange(world.keys.sessions(shard), '0', '-1', 'WITHSCORES');
    for (const [member, usedAt] of flattenScores(sessions)) listed.push([decodeSessionId(member), usedAt === 0]);
  }
  const expected = [...model.sessions.values()].flatMap(({ id, log, isOverdue }): [string, boolean][] =>
    log.length === 0 ? [] : [[id, isOverdue]],
  );
  assert.deepEqual(found.toSorted(byName), expected.toSorted(byName), 'pending sets');
  const known = [...model.sessions.values()].map(({ id, isClosing }): [string, boolean] => [id, isClosing]);
  assert.deepEqual(listed.toSorted(byName), known.toSorted(byName), 'lists of sessions, closing sessions first');
}

/** Only live workers have leases, and no two of them have one worker number. */
async function checkWorkers(model: Model, world: World): Promise<void> {
  const [workerNumbers, ...leases] = await run(
    model.workers.reduce(
      (pipeline, { id }) => pipeline.exists(world.keys.lease(id)),
      world.direct.pipeline().hgetall(world.keys.workerNumbers),
    ),
  );
  const holders = [...model.workerNumbers].map(([workerNumber, id]): [string, string] => [String(workerNumber), id]);
  assert.deepEqual(workerNumbers, Object.fromEntries(holders), 'worker numbers');
  assert.deepEqual(
    leases,
    model.workers.map(({ alive }) => (alive ? 1 : 0)),
    'leases',
  );
  const living = model.living.map(({ workerNumber }) => workerNumber);
  assert.equal(new Set(living).size, living.length, 'live workers share a worker number');
}

const byName = (a: [string, boolean], b: [string, boolean]): number => (a[0] < b[0] ? -1 : 1);

/** Pairs of member and score, from a flat (RESP2) or nested (RESP3) reply. */
function flattenScores(reply: unknown): [string, number][] {
  const flat = (reply as unknown[]).flat();
  return Array.from({ length: flat.length / 2 }, (_, at) => [String(flat[2 * at]), Number(flat[2 * at + 1])]);
}

async function run(pipeline: { exec(): Promise<[Error | null, unknown][] | null> }): Promise<unknown[]> {
  return ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}
