import { hearthHome } from '@hearth/shared/internal';
import { lookForCredentials, noCredentials } from '../credentials.js';
import { type GatewayFlags, gatewayArgs } from '../stack/gateway-process.js';
import { type Stack, startStack } from '../stack/stack.js';
import { workerArgs } from '../stack/worker-process.js';
import { style } from '../terminal/output.js';
import { aborted, type CommonOptions, type Context } from './context.js';

export interface UpOptions extends CommonOptions, GatewayFlags {
  demo?: boolean;
  workers?: string;
  slots?: string;
  profiles?: string;
}

/** `hearth up`: brings up Redis, workers and the gateway, until Ctrl-C. */
export async function up(options: UpOptions, context: Context): Promise<number> {
  const credentials = lookForCredentials();
  if (!options.demo && credentials.found === undefined && options.profiles === undefined)
    throw noCredentials(credentials);
  return withStack(options, options.demo ?? false, context, async (stack) => {
    sayReady(stack, context);
    announce(stack, context);
    await aborted(context.signal);
    return 0;
  });
}

/** Runs some work with a stack, and stops it. */
export async function withStack(
  options: UpOptions,
  demo: boolean,
  { out }: Context,
  work: (stack: Stack) => Promise<number>,
): Promise<number> {
  const stack = await startStack({
    home: hearthHome(),
    redisUrl: options.redisUrl ?? (process.env['REDIS_URL'] || undefined),
    demo,
    workers: Number(options.workers ?? 1),
    workerArgs: workerArgs(options),
    // Without a given port any free one is used.
    say: (text) => out.note(text),
    gatewayArgs: gatewayArgs({ ...options, port: options.port ?? (process.env['HEARTH_GATEWAY_PORT'] || '0') }),
  });
  try {
    return await work(stack);
  } finally {
    out.note(style.dim('stopping: running turns finish first'));
    await stack.stop();
  }
}

/** Tells programs that it serves, and where. */
export function sayReady(stack: Stack, { out }: Context): void {
  const { redisUrl, modelApi, gateway } = stack;
  const workers = stack.workers.map((worker) => worker.process);
  out.value({
    kind: 'ready',
    gateway: gateway.url,
    redis: redisUrl,
    ...(modelApi === undefined ? {} : { modelApi }),
    workers: workers.map(({ workerId, workerNumber, pid }) => ({ workerId, workerNumber, pid })),
  });
}

/** Tells people where everything is, and what to try next. */
export function announce(stack: Stack, { out }: Context): void {
  const { redisUrl, modelApi, gateway } = stack;
  const workers = stack.workers.map((worker) => worker.process);
  out.line(`\n${style.bold('hearth is up')}`);
  out.line(`  Gateway    ${gateway.url} (console at /, API described at /docs)`);
  out.line(`  Redis      ${redisUrl}`);
  if (modelApi !== undefined) out.line(`  Model      ${modelApi} (the simulator's)`);
  for (const worker of workers)
    out.line(`  Worker     worker ${worker.workerNumber}, pid ${worker.pid}, log ${worker.logFile}`);
  out.line('\nTry, in another terminal, in this folder:');
  for (const command of [
    'npx hearth chat my-session',
    'npx hearth ask --session my-session "What did I say?"',
    'npx hearth sessions',
    'npx hearth workers',
    'npx hearth doctor',
  ]) {
    out.line(`  ${command}`);
  }
  out.line(`\n${style.dim('Ctrl-C stops everything.')}`);
}
