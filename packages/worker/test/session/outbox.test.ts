import type { HearthEvent, SessionWriter } from '@hearth/shared';
import { expect, test } from 'vitest';
import { type CommitEntry, Outbox } from '../../src/session/outbox.js';

const text = (words: string): HearthEvent => ({ type: 'text.delta', seq: 1, messageId: 'm', text: words });

/** A writer that answers when it is told to, and keeps what it was given. */
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
    transcript: (offset: number, _chunk: string, settled: boolean) =>
      write(`transcript ${offset}${settled ? ' settled' : ''}`),
    begin: (seq: number) => write(`begin ${seq}`),
    commit: (seq: number, input: { transcriptChunks: number }) => write(`commit ${seq} of ${input.transcriptChunks}`),
  };
  const failures: string[] = [];
  const outbox = new Outbox(writer as unknown as SessionWriter, 0, ({ kind }) => failures.push(kind));
  const answer = async (kind: 'ok' | 'fenced' = 'ok'): Promise<void> => {
    answers.shift()?.(kind);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { outbox, writes, answer, failures };
}

test('events wait for nothing at low load, and are batched while a write is in flight', async () => {
  const { outbox, writes, answer } = heldWriter();
  outbox.event(text('a'));
  expect(writes).toEqual(['events a']);
  for (const words of ['b', 'c', 'd']) outbox.event(text(words));
  await answer();
  expect(writes).toEqual(['events a', 'events b,c,d']);
});

test('everything is written in the order it was put in; a commit counts the chunks before it', async () => {
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
    'transcript 1 settled',
  ]);
  expect([(await gate).kind, (await commit).kind]).toEqual(['ok', 'ok']);
});

test('a begin cuts the transcript back in its place: lines that come while it is on its way follow what is left', async () => {
  const { outbox, writes, answer } = heldWriter();
  outbox.transcript('main', 'past\n', true);
  outbox.transcript('main', 'of an attempt that was lost\n', false);
  const begun = outbox.begin(1, text('begin'));
  outbox.transcript('main', 'now\n', false);
  for (let write = 0; write < 4; write += 1) await answer();
  expect(writes).toEqual(['transcript 0 settled', 'transcript 1', 'begin 1', 'transcript 1']);
  expect((await begun).kind).toBe('ok');
});

test('after a refused write nothing more is written, waiting tools are refused, and it is told once', async () => {
  const { outbox, writes, answer, failures } = heldWriter();
  outbox.event(text('a'));
  const gate = outbox.reachTool(1, 'Bash', text('tool'));
  await answer('fenced');
  outbox.event(text('b'));
  expect((await gate).kind).toBe('fenced');
  expect(writes).toEqual(['events a']);
  expect(failures).toEqual(['fenced']);
  expect(outbox.refusedEntries).toBe(2);
});

test.each([
  ['entries', Array.from({ length: 60_000 }, () => text('a'))],
  ['text', Array.from({ length: 80 }, () => text('a'.repeat(1024 * 1024)))],
])('more %s than can wait give the session up, once, and are held no longer', async (_what, events) => {
  const { outbox, writes, failures } = heldWriter();
  for (const event of events) outbox.event(event);
  expect(failures).toEqual(['error']);
  expect(writes).toEqual([expect.stringMatching(/^events a/)]);
  expect(outbox.refusedEntries).toBe(events.length - 1);
});
