import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  connectFailingFast,
  parsePublished,
  readEventsAfter,
  SessionStore,
  SessionWriter,
  shardOf,
} from '../../src/internal.js';
import { dumpKeys, redisUrl, withStore } from '../support/redis.js';
import { ReplyDroppingProxy } from '../support/reply-dropping-proxy.js';
import { commitInput, finishedResult, started, textDelta, toolStarted } from '../support/samples.js';
import { claim, sessionId, submit, submitAndClaim, turn } from '../support/turns.js';

describe('begin', () => {
  it('counts attempts and marks the turn as running', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      expect(await writer.begin(1, started(1, 't1', 'w1'))).toMatchObject({ kind: 'ok' });
      await writer.begin(1, started(1, 't1', 'w1'));
      expect(await store.head(sessionId)).toMatchObject({ state: 'running', attempts: 2 });
    }));

  it('returns exhausted after three attempts across owners and changes nothing', () =>
    withStore(async ({ store, redis, keys }) => {
      let { writer } = await submit(store, 't1').then(() => claim(store, 1, 'w1'));
      for (const next of ['w2', 'w3', 'w4']) {
        expect(await writer.begin(1, started(1, 't1', 'w'))).toMatchObject({ kind: 'ok' });
        ({ writer } = await claim(store, 1, next, writer.fence));
      }
      const before = await dumpKeys(redis, keys.options.keyPrefix);
      expect(await writer.begin(1, started(1, 't1', 'w4'))).toEqual({ kind: 'exhausted' });
      expect(await dumpKeys(redis, keys.options.keyPrefix)).toEqual(before);
      expect(await writer.append([])).toEqual({ kind: 'ok' });
    }));

  it('truncates the transcript to the last commit', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await writer.transcript(0, 'committed', true);
      await writer.transcript(1, 'half a turn', false);
      await writer.begin(1, started(1, 't1', 'w1'));
      expect((await store.transcript(sessionId, 0, 10)).map(String)).toEqual(['committed']);
    }));

  it('refuses a turn that is not at the head of the log', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await submit(store, 't2');
      expect(await writer.begin(2, started(2, 't2', 'w1'))).toEqual({ kind: 'not_head' });
    }));
});

describe('append', () => {
  it('gives dense ids to concurrent batches, and publishes the events of the stream', () =>
    withStore(async ({ store, redis, keys }) => {
      const writer = await submitAndClaim(store);
      const heard: unknown[] = [];
      const subscriber = redis.duplicate();
      subscriber.on('message', (_channel: string, message: string) => heard.push(...parsePublished(message).events));
      await subscriber.subscribe(keys.session(sessionId).channel);
      await Promise.all([
        writer.append([textDelta(1, 'a'), textDelta(1, 'b')]),
        writer.append([textDelta(1, 'c')]),
        writer.append([textDelta(1, '"],['), textDelta(1, 'é\ud800')]),
      ]);
      await subscriber.ping();
      subscriber.disconnect();
      const { events, last } = await readEventsAfter(redis, keys, sessionId, 1, 100);
      expect(events.map(({ id }) => id)).toEqual([2, 3, 4, 5, 6]);
      expect(last).toBe(6);
      expect(heard).toEqual(events);
    }));

  it('makes events that can be read from any id, up to a count', () =>
    withStore(async ({ store, redis, keys }) => {
      const writer = await submitAndClaim(store);
      await writer.append(['a', 'b', 'c'].map((text) => textDelta(1, text)));
      const { events } = await readEventsAfter(redis, keys, sessionId, 2, 1);
      expect(events).toEqual([{ id: 3, event: textDelta(1, 'b') }]);
      expect((await readEventsAfter(redis, keys, 'unknown', 0, 1)).incarnation).toBeUndefined();
    }));

  it('continues with the next id after the stream has expired', () =>
    withStore(async ({ store, redis, keys }) => {
      const writer = await submitAndClaim(store);
      await redis.del(keys.session(sessionId).events);
      await writer.append([textDelta(1, 'a')]);
      expect((await readEventsAfter(redis, keys, sessionId, 0, 10)).events.map(({ id }) => id)).toEqual([2]);
    }));

  it('fails after a write whose reply was lost', () =>
    withStore(async ({ store, redis, keys }) => {
      const { granted } = await submit(store, 't1').then(() => claim(store, 1));
      const proxy = await ReplyDroppingProxy.open(redisUrl());
      const client = connectFailingFast(proxy.url, 'client');
      client.options.maxRetriesPerRequest = 0;
      client.on('error', () => undefined);
      try {
        await client.connect();
        const writer = new SessionWriter(new SessionStore(client, keys, store.limits), sessionId, granted);
        proxy.dropNextReply();
        const ready = once(client, 'ready');
        await expect(writer.append([textDelta(1, 'written, reply lost')])).rejects.toThrow();
        await ready;
        // W4: the number may be taken, and then another write under it would be answered with REPEATED and be lost.
        await expect(writer.append([textDelta(1, 'later')])).rejects.toThrow();
        expect((await readEventsAfter(redis, keys, sessionId, 1, 10)).events.map(({ id }) => id)).toEqual([2]);
      } finally {
        client.disconnect();
        await proxy.close();
      }
    }));
});

describe('the tool gate', () => {
  it('records the tools that a turn reached, in order', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      for (const tool of ['Bash', 'Read', 'Bash']) await writer.reachTool(1, tool, toolStarted(1, tool));
      expect(await store.head(sessionId)).toMatchObject({ toolsReached: ['Bash', 'Read', 'Bash'] });
    }));

  it('is closed for a worker that lost the session', () =>
    withStore(async ({ store }) => {
      const old = await submitAndClaim(store);
      await claim(store, 1, 'w2', old.fence);
      expect(await old.reachTool(1, 'Bash', toolStarted(1, 'Bash'))).toEqual({ kind: 'fenced' });
      expect(await old.reachTool(1, 'Bash', toolStarted(1, 'Bash'))).toEqual({ kind: 'fenced' });
      expect(await store.head(sessionId)).toMatchObject({ toolsReached: [] });
    }));

  it('is closed for a turn that does not run', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await expect(writer.reachTool(2, 'Bash', toolStarted(2, 'Bash'))).rejects.toMatchObject({
        code: 'store_refused',
      });
    }));
});

describe('transcript', () => {
  it('appends chunks in order, ignores a known offset and rejects a gap', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await writer.transcript(0, 'a', false);
      expect(await writer.transcript(0, 'a', false)).toEqual({ kind: 'ok' });
      await writer.transcript(1, 'b', false);
      await expect(writer.transcript(3, 'd', false)).rejects.toMatchObject({ code: 'store_refused' });
      expect((await store.transcript(sessionId, 0, 10)).map(String)).toEqual(['a', 'b']);
    }));

  it('commits a settled chunk at once', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await writer.transcript(0, 'a', true);
      expect((await claim(store, 1, 'w2', writer.fence)).granted.transcriptChunks).toBe(1);
    }));
});

describe('commit', () => {
  it('stores the result, and removes the pending mark with the last turn of the log', () =>
    withStore(async ({ store, redis, keys }) => {
      const writer = await submitAndClaim(store);
      await submit(store, 't2');
      const { pending } = keys.session(sessionId);
      const input = commitInput(turn(1));
      expect(await writer.commit(1, input)).toEqual({ kind: 'ok' });
      expect(await redis.zcard(pending)).toBe(1);
      expect(await writer.commit(2, commitInput(turn(2)))).toEqual({ kind: 'ok' });
      expect(await redis.zcard(pending)).toBe(0);
      expect(await store.head(sessionId)).toBeUndefined();
      expect(await store.turn(sessionId, 1)).toMatchObject({
        state: 'finished',
        result: input.result,
        messages: input.messages,
      });
      expect(await store.session(sessionId)).toMatchObject({
        turns: 2,
        costUsd: 0.5,
        waiting: 0,
        claudeSessionId: 'claude-1',
      });
    }));

  it('takes effect once per turn', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await writer.commit(1, commitInput(turn(1)));
      expect(await writer.commit(1, commitInput(turn(1)))).toEqual({ kind: 'already' });
      expect(await store.session(sessionId)).toMatchObject({ turns: 1, costUsd: 0.25 });
    }));

  it('changes nothing when an argument is bad', () =>
    withStore(async ({ store, redis, keys }) => {
      const writer = await submitAndClaim(store);
      const before = await dumpKeys(redis, keys.options.keyPrefix);
      const result = { ...finishedResult(turn(1)), costUsd: Number.NaN };
      await expect(writer.commit(1, commitInput(turn(1), { result }))).rejects.toThrow('not a valid float');
      expect(await dumpKeys(redis, keys.options.keyPrefix)).toEqual(before);
      expect(await writer.commit(1, commitInput(turn(1)))).toEqual({ kind: 'ok' });
    }));

  it('commits at most the chunks that exist', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await submit(store, 't2');
      await writer.transcript(0, 'a', false);
      await writer.commit(1, commitInput(turn(1), { transcriptChunks: 9 }));
      expect((await claim(store, 2)).granted.transcriptChunks).toBe(1);
    }));

  it('removes turnIds older than the turn memory, and keeps the others', () =>
    withStore(async ({ store, redis, keys }) => {
      const writer = await submitAndClaim(store, 'old');
      await writer.commit(1, commitInput(turn(1, 'old')));
      await submit(store, 't2');
      const { turnPrefix, turnIds, done } = keys.session(sessionId);
      await redis.zadd(done, 'XX', 1, '1 old');
      await writer.commit(2, commitInput(turn(2)));
      expect(await redis.hkeys(turnIds)).toEqual(['t2']);
      expect(await redis.zrange(done, '0', '-1')).toEqual(['2 t2']);
      expect(await redis.pttl(`${turnPrefix}2`)).toBeGreaterThan(0);
      expect(await submit(store, 'old')).toMatchObject({ seq: 3, state: 'accepted' });
    }));
});

describe('release', () => {
  it('is refused while turns wait, and the owner can write', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      expect(await writer.release('idle')).toEqual({ kind: 'not_empty' });
      expect(await writer.append([])).toEqual({ kind: 'ok' });
    }));

  it('releases the lock of an empty log and fences the owner', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await writer.commit(1, commitInput(turn(1)));
      expect(await writer.release('idle')).toEqual({ kind: 'ok', left: [] });
      expect(await store.session(sessionId)).toMatchObject({ owner: undefined, workerNumber: undefined });
      expect(await writer.append([])).toEqual({ kind: 'fenced' });
    }));

  it('on drain returns the waiting turns with their rings, and makes the session overdue', () =>
    withStore(async ({ store }) => {
      const { ring } = await submit(store, 't1');
      const { writer } = await claim(store, 1);
      expect(await writer.release('drain')).toEqual({ kind: 'ok', left: [{ seq: 1, ring }] });
      expect(await writer.append([])).toEqual({ kind: 'fenced' });
      expect(await store.sweep(shardOf(sessionId), 10)).toMatchObject([{ sessionId, seq: 1, owner: undefined }]);
    }));
});
