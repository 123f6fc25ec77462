import type { Producer } from '@hearth/producer';
import { expect, test } from 'vitest';
import type { HistoryRecord } from '../checker/records.js';
import { Recorder } from '../recorder.js';
import { Load } from './load.js';

const never = new Promise<never>(() => undefined);

test('a turn that never ends does not prevent the verdict, however many callers wait for it', async () => {
  // Accepted, and never served.
  const session = { prompt: async () => ({ sessionId: 's', turnId: 't', seq: 1, result: () => never }) };
  const stuck = { session: () => session } as unknown as Producer;
  const recorder = new Recorder(undefined);
  const kinds = [{ weight: 1, make: () => ({ prompt: 'hello', onInterrupted: 'fail' as const, effects: [] }) }];
  const shape = { sessionIds: ['s'], disposable: [], depth: 1, thinkMs: 0, kinds };
  const silent = { [Symbol.asyncIterator]: () => ({ next: () => never }) };
  const producers = { caller: stuck, reader: { session: () => ({ events: () => silent }) } as unknown as Producer };
  const load = new Load(shape, { ...producers, jobs: { post: async () => undefined } }, recorder);
  load.start();
  await expect.poll(() => recorder.records.map(({ kind }: HistoryRecord) => kind)).toEqual(['submit', 'accepted']);
  await load.settle(50);
  expect(load.waiting).toBe(1);
});
