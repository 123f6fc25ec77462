/**
 * The gateway process: `node main.js [--port n] [--host address] [--tokens file] [--stop-with-stdin]`. Everything else comes from the
 * environment (docs/gateway.md). Standard output: one JSON line `{"kind":"gateway","url"}` when it serves.
 *
 * The first SIGTERM or SIGINT drains, the second ends at once. Exit code 0: it stopped. 1: it ended at once. 2: it could not start.
 */
import { parseArgs } from 'node:util';
import { describeError, toErrorBody } from '@hearth/shared';
import { createProcessLogger } from '@hearth/shared/internal';
import { endProcess, exitNow, watchOutput } from '@hearth/shared/program-end';
import { readTokens } from './auth/tokens.js';
import { createGateway, type Gateway } from './gateway.js';

const log = createProcessLogger('hearth-gateway');
let gateway: Gateway | undefined;
let signals = 0;

function fail(error: unknown): void {
  log.fatal({ event: 'gateway.failed', err: error }, describeError(toErrorBody(error)));
  void endProcess(2);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    signals += 1;
    if (gateway === undefined || signals > 1) exitNow(1);
    log.info({ event: 'gateway.signalled', signal }, 'stopping; the same signal again stops at once');
    gateway.stop().then(() => endProcess(0), fail);
  });
}
process.on('unhandledRejection', fail);
watchOutput();

try {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      tokens: { type: 'string' },
      'stop-with-stdin': { type: 'boolean' },
    },
  });
  // Stop when the parent process dies: its end of this pipe closes.
  if (values['stop-with-stdin']) process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume();
  gateway = createGateway(
    {
      ...(values.port === undefined ? {} : { port: Number(values.port) }),
      ...(values.host === undefined ? {} : { host: values.host }),
      ...(values.tokens === undefined ? {} : { tokens: readTokens(values.tokens) }),
    },
    log,
  );
  const { url } = await gateway.start();
  process.stdout.write(`${JSON.stringify({ kind: 'gateway', url })}\n`);
} catch (error) {
  fail(error);
}
