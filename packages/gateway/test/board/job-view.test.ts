import { describe, expect, it } from 'vitest';
import { JobView } from '../../src/board/job-view.js';

const secret = `the first words of a prompt ${'and a long rest '.repeat(100)}THE END`;
const doorbell = { sessionId: 's', turnId: 't', seq: 3, profile: 'default', preview: 'the first words' };
const raw = { sessionId: 's', prompt: secret, metadata: { user: 7 } };

const agentOf = (sessionId: string): object | undefined =>
  sessionId === 's' ? { workerId: 'w-2', warmth: 'hot' } : undefined;

describe('the view of a job', () => {
  it('names its session and turn', () => {
    const view = new JobView(true, agentOf);
    expect(view.name({ data: doorbell })).toBe('s · turn 3');
    expect(view.name({ data: { ...doorbell, seq: 0 } })).toBe('s · warm');
    expect(view.name({ data: raw })).toBe('s');
    expect(view.name({ data: { prompt: 'x' } })).toBe('turn without a session');
    expect(view.name({})).toBe('turn without a session');
  });

  it('has the first words of a prompt, never the whole', () => {
    const shown = new JobView(true, agentOf).data(raw);
    expect(shown).toMatchObject({
      sessionId: 's',
      metadata: { user: 7 },
      preview: expect.stringMatching(/^the first words/),
    });
    expect(JSON.stringify(shown)).not.toContain('THE END');
    expect(shown).not.toHaveProperty('prompt');
  });

  it('has no prompt at all when previews are off', () => {
    const view = new JobView(false, agentOf);
    for (const data of [
      doorbell,
      raw,
      { prompt: [{ type: 'text', text: secret }] },
      { prompt: { odd: secret } },
      secret,
    ]) {
      expect(JSON.stringify(view.data(data))).not.toContain('first words');
    }
    expect(view.data(doorbell)).toMatchObject({ sessionId: 's', seq: 3, preview: '(hidden)' });
  });

  it('names the worker that serves its turn, and the reason of a failure', () => {
    const view = new JobView(true, agentOf);
    const inHand = { data: doorbell, processedOn: 1, processedBy: 'w-1' };
    expect(view.outcome({ data: doorbell, processedBy: 'w-1' })).toBeUndefined();
    expect(view.outcome(inHand)).toEqual({ workerId: 'w-2', warmth: 'hot' });
    expect(view.outcome({ ...inHand, data: { ...doorbell, sessionId: 'other' } })).toEqual({ workerId: 'w-1' });
    expect(view.outcome({ ...inHand, data: { prompt: 'x' } })).toEqual({ workerId: 'w-1' });
    const failed = { ...inHand, finishedOn: 2 };
    expect(view.outcome({ ...failed, progress: { totalMs: 7 } })).toEqual({ totalMs: 7 });
    expect(view.outcome({ ...failed, progress: 0 })).toBeUndefined();
  });
});
