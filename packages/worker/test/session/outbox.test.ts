import type { HearthEvent } from '@hearth/shared';
import { createLogger, type SessionWriter } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { type CommitEntry, Outbox } from '../../src/session/outbox.js';
import { Ownership } from '../../src/session/ownership.js';
import { claimOf } from '../support/turns.js';

const text = (words: string): HearthEvent => ({ type: 'text.delta', seq: 1, messageId: 'm', text: words });

/** An outbox whose writer records its writes, and answers them when the test says so. */
function heldWriter() {
  const writes: string[] = [];
  const answers: ((kind: 'ok' | 'fenced') => void)[] = [];
  const write = (what: string) => {
    writes.push(what);
    return new Promise((resolve) => answers.push((kind) => resolve({ kind })));
  };
  const writer = {
    append: (events: readonly HearthEvent[]) =>
      write(`events ${events.map((event) => (event as { text: string }).text).join(',')}`),
    reachTool: (_seq: number, name: string) => write(`tool ${name}`),
    transcript: (offset: number, _chunk: string, committed: boolean) =>
      write(`transcript ${offset}${committed ? ' committed' : ''}`),
    begin: (seq: number) => write(`begin ${seq}`),
    commit: (seq: number, input: { transcriptChunks: number }) => write(`commit ${seq} of ${input.transcriptChunks}`),
  };
  const ownership = new Ownership(claimOf());
  const outbox = new Outbox(writer as unknown as SessionWriter, ownership, createLogger('test', 'silent'));
  const answer = async (kind: 'ok' | 'fenced' = 'ok'): Promise<void> => {
    answers.shift()?.(kind);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { outbox, writes, answer, ownership };
}

test('batches events only while a write is in flight', async () => {
  const { outbox, writes, answer } = heldWriter();
  outbox.event(text('a'));
  expect(writes).toEqual(['events a']);
  for (const words of ['b', 'c', 'd']) outbox.event(text(words));
  await answer();
  expect(writes).toEqual(['events a', 'events b,c,d']);
});

test('writes entries in order, and counts the transcript chunks before a commit', async () => {
  const { outbox, writes, answer } = heldWriter();
  outbox.event(text('a'));
  outbox.transcript('main', 'x\n', false);
  const gate = outbox.reachTool(1, 'Bash', text('tool'));
  outbox.event(text('b'));
  const commit = outbox.commit(1, { transcript: 'keep' } as CommitEntry);
  outbox.transcript('main', 'late\n', true);
  for (let write = 0; write < 6; write += 1) await answer();
  expect(writes).toEqual([
    'events a',
    'transcript 0',
    'tool Bash',
    'events b',
    'commit 1 of 1',
    'transcript 1 committed',
  ]);
  expect([(await gate).kind, (await commit).kind]).toEqual(['ok', 'ok']);
});

test('cuts the transcript back at a begin, also for lines that come before the begin is recorded', async () => {
  const { outbox, writes, answer } = heldWriter();
  outbox.transcript('main', 'committed\n', true);
  outbox.transcript('main', 'of an attempt that was lost\n', false);
  const begun = outbox.begin(1, text('begin'));
  outbox.transcript('main', 'now\n', false);
  for (let write = 0; write < 4; write += 1) await answer();
  expect(writes).toEqual(['transcript 0 committed', 'transcript 1', 'begin 1', 'transcript 1']);
  expect((await begun).kind).toBe('ok');
});

test('writes nothing after a refused write, and refuses waiting tools', async () => {
  const { outbox, writes, answer, ownership } = heldWriter();
  outbox.event(text('a'));
  const gate = outbox.reachTool(1, 'Bash', text('tool'));
  await answer('fenced');
  outbox.event(text('b'));
  expect((await gate).kind).toBe('fenced');
  expect(writes).toEqual(['events a']);
  expect([ownership.lostReason, ownership.refusedWrites]).toEqual(['fenced', 3]);
});

test.each([
  ['entries', Array.from({ length: 60_000 }, () => text('a'))],
  ['text', Array.from({ length: 80 }, () => text('a'.repeat(1024 * 1024)))],
])('gives the session up when more %s waits than the bound', async (_what, events) => {
  const { outbox, writes, ownership } = heldWriter();
  for (const event of events) outbox.event(event);
  expect(writes).toEqual([expect.stringMatching(/^events a/)]);
  expect([ownership.lostReason, ownership.refusedWrites]).toEqual(['write_failed', events.length - 1]);
});
