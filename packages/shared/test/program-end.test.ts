import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { drained } from '../src/program-end.js';

const mebibyte = 'x'.repeat(1024 * 1024);

/** Whether a promise is settled after everything that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test('does not wait for a reader that lags by 16 MiB or less', async () => {
  const output = new PassThrough();
  for (let at = 0; at < 16; at += 1) output.write(mebibyte);
  expect(await isSettled(drained([output]))).toBe(true);
});

test('waits for a reader that lags by more than 16 MiB until it has caught up', async () => {
  const output = new PassThrough();
  for (let at = 0; at < 18; at += 1) output.write(mebibyte);
  const waiting = drained([output]);
  expect(await isSettled(waiting)).toBe(false);
  output.resume();
  await waiting;
  expect(output.writableLength).toBe(0);
});
