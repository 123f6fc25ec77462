import { expect, test } from 'vitest';
import { Scene } from './support/scene.js';

test('a turn that was cut off is not cancelled before its next owner looks at it: what it did is not lost', async () => {
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
  // Nobody has begun this one; and a session that is closed takes all of it along.
  expect(await waits.cancel()).toBe('cancelled');
  const ending = turn.result().catch((error: unknown) => error);
  expect(await session.close()).toBe(true);
  expect(await ending).toMatchObject({ code: 'cancelled' });
});
