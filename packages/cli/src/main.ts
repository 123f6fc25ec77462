/** The root of the `hearth` command. Signals and exit codes are handled only here. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { redisUrlFrom } from '@hearth/shared/internal';
import { endProcess, exitNow, lastWordsMs, watchOutput } from '@hearth/shared/program-end';
import { Command, CommanderError, Option } from 'commander';
import { type AskOptions, ask } from './commands/ask.js';
import { type AttachOptions, attach } from './commands/attach.js';
import { type ChatOptions, chat } from './commands/chat.js';
import { close } from './commands/close.js';
import type { CommonOptions, Context } from './commands/context.js';
import { type DoctorOptions, doctor } from './commands/doctor.js';
import { type SessionsOptions, sessions, workers } from './commands/lists.js';
import { type StartOptions, start } from './commands/start.js';
import { type UpOptions, up } from './commands/up.js';
import { addVerbs } from './commands/verbs.js';
import { type GatewayFlags, gatewayArgs, gatewayProgram } from './stack/gateway-process.js';
import { workerArgs, workerProgram } from './stack/worker-process.js';
import { createOutput } from './terminal/output.js';

const interrupt = new AbortController();
let handleCtrlC = leave;
process.on('SIGINT', () => handleCtrlC());
process.on('SIGTERM', leave);
function leave(): void {
  if (interrupt.signal.aborted) exitNow(130);
  interrupt.abort();
}
// A command whose reader leaves (`| head`) ends like one that was told to, with 0.
let hasReader = true;
watchOutput(() => {
  hasReader = false;
  interrupt.abort();
});

const end = (code: number): Promise<never> =>
  endProcess(hasReader ? code : 0, interrupt.signal.aborted ? lastWordsMs : undefined);

async function run<O extends CommonOptions>(options: O, command: (context: Context) => Promise<number>): Promise<void> {
  const out = createOutput(options.json ?? false);
  try {
    const onCtrlC = (handle: () => void): void => {
      handleCtrlC = handle;
    };
    await end(await command({ out, signal: interrupt.signal, onCtrlC }));
  } catch (error) {
    out.error(error);
    await end(1);
  }
}

const json = new Option('--json', 'print one JSON value per line on stdout');
const redisUrl = new Option('--redis-url <url>', 'the URL of Redis (default: REDIS_URL, then a running `hearth up`)');
const program = new Command('hearth')
  .description('keeps Claude Code sessions warm')
  .showHelpAfterError()
  .exitOverride();

const gatewayOptions = (command: Command): Command =>
  command
    .option('--port <n>', 'port of the gateway (default: HEARTH_GATEWAY_PORT; else 8080, or a free one for up)')
    .option(
      '--host <address>',
      'address of the gateway (HEARTH_GATEWAY_HOST, 127.0.0.1); beyond loopback it needs tokens',
    )
    .option('--tokens <file>', 'tokens of the gateway, JSON (HEARTH_TOKENS; default: none, this machine only)');

const stackOptions = (command: Command): Command =>
  gatewayOptions(command)
    .option('--demo', "use the simulator's model with the real claude CLI: no account needed")
    .option('--workers <n>', 'how many workers to start', '1')
    .option('--slots <n>', 'how many agents may run on each worker (default: from memory)')
    .option('--profiles <file>', 'profile file (JSON)')
    .addOption(redisUrl)
    .addOption(json);

stackOptions(
  program.command('up').description('bring up Redis, workers and the gateway on this machine, until Ctrl-C'),
).action((options: UpOptions) => run(options, (context) => up(options, context)));

stackOptions(
  program.command('start', { hidden: true }).description('what `npm start` runs: up, and one visible conversation'),
)
  .option('--exit', 'end after the conversation')
  .action((options: StartOptions) => run(options, (context) => start(options, context)));

program
  .command('worker')
  .description('start one worker here; options by environment, see docs/options.md')
  .option('--profiles <file>', 'profile file (JSON)')
  .option('--slots <n>', 'how many agents may run (default: from memory)')
  .addOption(redisUrl)
  .addOption(json)
  .action((options: UpOptions) => run(options, () => processHere(workerProgram(), workerArgs(options), options)));

gatewayOptions(
  program.command('gateway').description('start a gateway here: HTTP, console, Bull Board; see docs/gateway.md'),
)
  .addOption(redisUrl)
  .addOption(json)
  .action((options: GatewayFlags & CommonOptions) =>
    run(options, () => processHere(gatewayProgram(), gatewayArgs(options), options)),
  );

program
  .command('ask')
  .description('submit one turn and stream its answer')
  .argument('[prompt]', 'the prompt; "-" or nothing: read from stdin')
  .option('-s, --session <id>', 'the session (default: a new one)')
  .option('--profile <name>', 'the profile of a new session')
  .option('--turn-id <id>', 'idempotency key of the turn')
  .addOption(
    new Option('--on-busy <policy>', 'while turns of the session wait or run').choices([
      'enqueue',
      'reject',
      'interrupt',
    ]),
  )
  .addOption(redisUrl)
  .addOption(json)
  .action((prompt: string | undefined, options: AskOptions) =>
    run(options, (context) => ask(prompt, options, context)),
  );

program
  .command('chat')
  .description('talk with a session')
  .argument('[session]', 'the session (default: a new one)')
  .option('--profile <name>', 'the profile of a new session')
  .addOption(redisUrl)
  .addOption(json)
  .action((session: string | undefined, options: ChatOptions) =>
    run(options, (context) => chat(session, options, context)),
  );

program
  .command('sessions')
  .description('list all known sessions')
  .option('-w, --watch', 'again and again, until Ctrl-C; with --json: whatever changes')
  .addOption(redisUrl)
  .addOption(json)
  .action((options: SessionsOptions) => run(options, (context) => sessions(options, context)));

program
  .command('attach')
  .description('show a session live, from its past on, until Ctrl-C')
  .argument('<session>', 'the session; it need not be open yet')
  .option('--raw', 'show the lines to and from its agent, and its stderr')
  .option('--last <n>', 'how many past turns to show first', '20')
  .addOption(redisUrl)
  .addOption(json)
  .action((session: string, options: AttachOptions) => run(options, (context) => attach(session, options, context)));

program
  .command('close')
  .description('close sessions: agent, queued turns, keys, jobs and files')
  .argument('<session...>', 'the sessions')
  .addOption(redisUrl)
  .addOption(json)
  .action((ids: string[], options: CommonOptions) => run(options, (context) => close(ids, options, context)));

addVerbs(program, [redisUrl, json], run);

program
  .command('workers')
  .description('list live workers')
  .addOption(redisUrl)
  .addOption(json)
  .action((options: CommonOptions) => run(options, (context) => workers(options, context)));

program
  .command('doctor')
  .description('check everything Hearth needs on this machine')
  .option('--profile <name>', 'list the tools, servers and skills of an agent of this profile, and what failed')
  .option('--profiles <file>', 'profile file (JSON; default: HEARTH_PROFILES)')
  .addOption(redisUrl)
  .addOption(json)
  .action((options: DoctorOptions) => run(options, (context) => doctor(options, context)));

/** Workers and gateways have processes and roots of their own. They get this command's terminal and signals. */
async function processHere(file: string, args: readonly string[], { redisUrl: url }: CommonOptions): Promise<number> {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: 'inherit',
    env: { ...process.env, REDIS_URL: redisUrlFrom(url) },
    // This process passes a Ctrl-C on, once.
    detached: true,
  });
  interrupt.signal.addEventListener('abort', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

try {
  await program.parseAsync();
} catch (error) {
  // It has printed help, a version or what is wrong with the arguments.
  if (!(error instanceof CommanderError)) throw error;
  await end(error.exitCode);
}
