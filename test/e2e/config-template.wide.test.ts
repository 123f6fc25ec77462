import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startModelApi } from '@hearth/simulator';
import { expect, inject, onTestFinished, test } from 'vitest';
import { Cluster } from '../support/cluster.js';

test('the CLAUDE.md and the skills of a config template reach the real CLI, and its login does not', async () => {
  const bodies: string[] = [];
  const cluster = new Cluster(inject('redisUrl'), await startModelApi({ onRequest: (body) => void bodies.push(body) }));
  onTestFinished(({ task }) => cluster.close(task.result?.state === 'pass'));
  const template = await cluster.folder();
  await writeFile(join(template, 'CLAUDE.md'), 'Always answer in rhymes.');
  await mkdir(join(template, 'skills', 'sonnets'), { recursive: true });
  const skill = '---\nname: sonnets\ndescription: Counts the feet of a verse.\n---\nCount.';
  await writeFile(join(template, 'skills', 'sonnets', 'SKILL.md'), skill);
  await writeFile(join(template, '.credentials.json'), 'no JSON, which the CLI would not accept');
  await cluster.worker({
    slots: 2,
    profiles: { default: { spares: 0 }, poet: { spares: 0, configTemplate: template } },
  });
  const producer = cluster.producer();
  await (await producer.session('poet').prompt('hello', { profile: 'poet' })).result();
  const ofPoet = bodies.splice(0).join('');
  expect(ofPoet).toContain('Always answer in rhymes.');
  expect(ofPoet).toContain('Counts the feet of a verse.');
  await (await producer.session('plain').prompt('hello')).result();
  expect(bodies.join('')).not.toContain('rhymes');
});

test('a config template that does not exist fails the turn with the name of the field', async () => {
  const cluster = new Cluster(inject('redisUrl'), await startModelApi());
  onTestFinished(({ task }) => cluster.close(task.result?.state === 'pass'));
  await cluster.worker({ claude: 'fake', profiles: { default: { spares: 0, configTemplate: '/nowhere' } } });
  const turn = await cluster.producer().session('s').prompt('hello');
  await expect(turn.result()).rejects.toMatchObject({ code: 'agent_start_failed', field: 'configTemplate' });
});
