import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../support/cluster.js';

const tool = (name: string, input: object): string => `[[tool ${name} ${JSON.stringify(input)}]]`;

const cause = `The deploy at 14:02 changed the pool size from 20 to 2, and the login page waits for a connection.

1. api/db.ts reads DB_POOL, which the new manifest no longer sets; its fallback is 2.
2. Under load every login holds a connection for about 400 ms, so the sixth one waits.

I can set the fallback back to 20 and add the variable to the manifest. That is two lines.`;

/** What the stand-in answers to the prompts of the scene. */
const rules = [
  {
    match: 'Why is the login slow',
    steps: [
      '[[thinking The slow requests began at 14:02. What was deployed then?]]',
      tool('Bash', { command: 'echo "14:02 deploy api 1.42.0 (pool: 20, now 2)"' }),
      tool('Bash', { command: 'echo "api/db.ts:18  const size = Number(env.DB_POOL ?? 2)"' }),
      `[[say ${cause}]]`,
    ],
  },
  {
    match: 'Fix it',
    steps: [tool('Bash', { command: 'git push origin fix/login-pool', description: 'Push the fix' })],
  },
  { match: 'Summarise', steps: ['[[large 4KB]]', '[[stream chunks=400 every=400ms]]'] },
];

export async function workerProfiles(cluster: Cluster): Promise<object> {
  const file = join(await cluster.folder(), 'scenario.json');
  await writeFile(file, JSON.stringify({ rules }));
  return { default: { env: { FAKE_CLAUDE_SCENARIO: file }, spares: 2 } };
}

export const sessions = [
  'discord:4471/general',
  'discord:4471/help',
  'telegram:812290',
  'mail:ada@example.org',
  'mail:grace@example.org',
  'ci/build-failures',
  'nightly/report',
  'support/ticket-1042',
];
