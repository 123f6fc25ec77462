import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createLogger } from '../src/internal.js';
import { withStore } from './support/redis.js';

it('logs the name of a failed Redis command without its arguments', () =>
  withStore(async ({ redis }) => {
    const lines: string[] = [];
    const sink = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const log = createLogger('test', 'info', sink);
    const failed = await redis.eval('return redis.error_reply("OOM no memory")', 0, 'a secret prompt').catch((e) => e);
    const several = new AggregateError([failed], 'several', { cause: failed });
    log.error({ err: failed }, 'one');
    log.error({ err: several }, 'several');
    log.error({ err: Object.assign(new Error('around'), { inner: failed }) }, 'around');
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(line).toContain('OOM no memory');
      expect(line).not.toContain('a secret prompt');
    }
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ err: { command: 'eval' } });
  }));

it('keeps a process alive whose log is on a full disk', () => {
  const program = `
    const { createLogger } = await import(${JSON.stringify(import.meta.resolve('@hearth/shared/internal'))});
    const log = createLogger('test');
    log.info('one');
    setTimeout(() => { log.info('two'); process.stdout.write('alive'); }, 1);
  `;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', openSync('/dev/full', 'w')],
    encoding: 'utf8',
  });
  expect({ stdout, status }).toEqual({ stdout: 'alive', status: 0 });
});
