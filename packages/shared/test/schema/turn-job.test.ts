import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { turnJobJsonSchema, turnJobSchema } from '../../src/index.js';

const published = new URL('../../../../docs/turn-job.schema.json', import.meta.url);

describe('the schema of a raw job', () => {
  it('equals the published JSON Schema', () => {
    // After a change: pnpm build && node scripts/publish-schema.mjs
    expect(JSON.parse(readFileSync(published, 'utf8'))).toEqual(JSON.parse(JSON.stringify(turnJobJsonSchema())));
  });

  it('requires only a prompt', () => {
    expect(turnJobSchema.safeParse({ prompt: 'x' }).success).toBe(true);
    expect(turnJobSchema.safeParse({ sessionId: 's' }).success).toBe(false);
  });

  it('rejects an unknown field, so that a typing error is reported', () => {
    const parsed = turnJobSchema.safeParse({ prompt: 'x', promt: 'y' });
    expect(parsed.error?.issues[0]?.message).toContain('promt');
  });
});
