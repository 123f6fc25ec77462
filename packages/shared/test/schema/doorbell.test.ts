import { expect, it } from 'vitest';
import { doorbellSchema } from '../../src/index.js';
import { singleTurnSessionId, turnDoorbell, warmDoorbell } from '../../src/internal.js';

it('turnDoorbell previews the beginning of the prompt', () => {
  const turn = { sessionId: 's', turnId: 't', seq: 3, profile: 'default', request: { prompt: 'a\nb '.repeat(1_000) } };
  const doorbell = turnDoorbell(turn);
  expect(doorbellSchema.parse(doorbell)).toEqual(doorbell);
  expect(doorbell).toMatchObject({ sessionId: 's', turnId: 't', seq: 3, profile: 'default' });
  expect(doorbell.preview.startsWith('a b a b')).toBe(true);
  expect(doorbell.preview.length).toBeLessThan(200);
});

it('warmDoorbell has seq 0 and no preview', () => {
  const doorbell = warmDoorbell('s', 'fast');
  expect(doorbellSchema.parse(doorbell)).toEqual({
    sessionId: 's',
    turnId: 'warm',
    seq: 0,
    profile: 'fast',
    preview: '',
  });
});

it('singleTurnSessionId is stable for a turnId and differs between turnIds', () => {
  expect(singleTurnSessionId('t1')).toBe(singleTurnSessionId('t1'));
  expect(singleTurnSessionId('t1')).not.toBe(singleTurnSessionId('t2'));
  expect(singleTurnSessionId('t1')).toMatch(/^once-[0-9a-f]{24}$/);
});
