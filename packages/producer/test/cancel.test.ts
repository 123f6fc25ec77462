import { expect, test } from 'vitest';
import { Scene } from './support/scene.js';

test('an interrupted turn is not cancelled before its next owner checks it: its output is not lost', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const turn = await session.prompt('x', { turnId: 'cut' });
  const waits = await session.prompt('y');
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  await writer.reachTool(1, 'Bash', { type: 'tool.started', seq: 1, toolUseId: 'u', name: 'Bash', input: '{}' });
  await writer.release('drain');
  expect(await turn.cancel()).toBe('running');
  expect(await scene.store.turn('s', 1)).toMatchObject({ state: 'running', toolsReached: ['Bash'] });
  // No worker has begun this one, and a close removes all turns of the session.
  expect(await waits.cancel()).toBe('cancelled');
  const ending = turn.result().catch((error: unknown) => error);
  expect(await session.close()).toBe(true);
  expect(await ending).toMatchObject({ code: 'cancelled' });
});
