import { lookForCredentials, noCredentials } from '../credentials.js';
import { hearthHome } from '../home.js';
import { type Stack, startStack } from '../stack/stack.js';
import { style } from '../terminal/output.js';
import { aborted, type CommonOptions, type Context } from './context.js';

export interface UpOptions extends CommonOptions {
  demo?: boolean;
  workers?: string;
  places?: string;
  profiles?: string;
}

/** `hearth up`: Redis and workers in one go; stays until Ctrl-C. */
export async function up(options: UpOptions, context: Context): Promise<number> {
  const credentials = lookForCredentials();
  if (!options.demo && credentials.found === undefined && options.profiles === undefined)
    throw noCredentials(credentials);
  return withStack(options, options.demo ?? false, context, async (stack) => {
    announce(stack, context);
    await aborted(context.signal);
    return 0;
  });
}

/** Brackets a stack around some work. */
export async function withStack(
  options: UpOptions,
  demo: boolean,
  { out }: Context,
  work: (stack: Stack) => Promise<number>,
): Promise<number> {
  const workerArgs = [
    ...(options.profiles === undefined ? [] : ['--profiles', options.profiles]),
    ...(options.places === undefined ? [] : ['--places', options.places]),
  ];
  const stack = await startStack({
    home: hearthHome(),
    redisUrl: options.redisUrl ?? (process.env['REDIS_URL'] || undefined),
    demo,
    workers: Number(options.workers ?? 1),
    workerArgs,
  });
  try {
    return await work(stack);
  } finally {
    out.note(style.dim('stopping: turns that run are finished first'));
    await stack.stop();
  }
}

/** Says where everything is, and what to try next. */
export function announce(stack: Stack, { out }: Context): void {
  const { redisUrl, modelApi, workers } = stack;
  out.value({
    kind: 'ready',
    redis: redisUrl,
    ...(modelApi === undefined ? {} : { modelApi }),
    workers: workers.map(({ workerId, seat, pid }) => ({ workerId, seat, pid })),
  });
  out.line(`\n${style.bold('hearth is up')}`);
  out.line(`  Redis      ${redisUrl}`);
  if (modelApi !== undefined) out.line(`  Model      ${modelApi} (the simulator's)`);
  for (const worker of workers) out.line(`  Worker     seat ${worker.seat}, pid ${worker.pid}, log ${worker.logFile}`);
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
