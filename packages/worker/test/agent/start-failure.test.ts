import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { HearthError } from '@hearth/shared';
import { expect, test } from 'vitest';
import { startFailure } from '../../src/agent/start-failure.js';

test('a workspace that cannot be made is reported with its path and the way out', async () => {
  const folder = `${fileURLToPath(import.meta.url)}/workspace`;
  const error = await mkdir(folder, { recursive: true }).catch((reason: unknown) => reason);
  expect(startFailure(error)).toMatchObject({
    code: 'home_unusable',
    field: 'HEARTH_HOME',
    message: expect.stringContaining(folder),
    wayOut: expect.any(String),
  });
});

test('other errors of a start keep their message', () => {
  const typed = new HearthError('claude_not_found', 'no binary');
  expect(startFailure(typed)).toBe(typed);
  expect(startFailure(new TypeError('a defect'))).toMatchObject({ code: 'agent_start_failed', message: 'a defect' });
});
