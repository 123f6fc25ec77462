import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { turnJobJsonSchema, turnJobSchema } from '../../src/index.js';

const published = new URL('../../../../docs/turn-job.schema.json', import.meta.url);

describe('the data of a raw job', () => {
  it('is published as the JSON Schema that the code checks by', () => {
    // After a change: pnpm build && node scripts/publish-schema.mjs
    expect(JSON.parse(readFileSync(published, 'utf8'))).toEqual(JSON.parse(JSON.stringify(turnJobJsonSchema())));
  });

  it('needs a prompt, and nothing else', () => {
    expect(turnJobSchema.safeParse({ prompt: 'x' }).success).toBe(true);
    expect(turnJobSchema.safeParse({ sessionId: 's' }).success).toBe(false);
  });

  it('has no field nobody knows: a typing error is told, not ignored', () => {
    const parsed = turnJobSchema.safeParse({ prompt: 'x', promt: 'y' });
    expect(parsed.error?.issues[0]?.message).toContain('promt');
  });
});
