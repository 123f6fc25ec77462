/** The root of fake-claude, a light stand-in for the claude CLI: reads its surroundings, builds the parts, ends the process. */
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readScenario, ScenarioError } from '../scenario.js';
import { Agent, NoConversation } from './agent.js';
import { pause, writeBlocking } from './blocking-write.js';
import { TornConfig, takeConfigDir } from './config-dir.js';
import { Control } from './control.js';
import { CannotCount, SharedCounter } from './counter.js';
import { FlagError, parseFlags } from './flags.js';
import { parseScript } from './hazards.js';
import { Input, InputError } from './input.js';
import { Output } from './output.js';
import type { Surroundings } from './surroundings.js';
import { Ledger, notBegun } from './turn-end.js';
import { cliVersion, knownVersions, newestVersion, versionNotice } from './versions.js';

const { env } = process;
const argv = process.argv.slice(2);

/** A mistake in the set-up of the stand-in itself. */
class SetupError extends Error {}

/** Ends the process when its output pipe has no reader. */
function write(fd: 1 | 2, data: string | Uint8Array): void {
  try {
    writeBlocking(fd, data);
  } catch {
    process.exit(1);
  }
}

const say = (text: string): void => write(2, `${text}\n`);

function die(how: number | NodeJS.Signals): never {
  if (typeof how === 'number') process.exit(how);
  process.removeAllListeners(how);
  process.kill(process.pid, how);
  // The signal arrives asynchronously. Nothing may happen before it.
  for (;;) pause(1_000);
}

function surroundings(): Surroundings {
  const version = env['FAKE_CLAUDE_VERSION'] ?? newestVersion;
  const known = cliVersion(version);
  if (known === undefined)
    throw new SetupError(
      `FAKE_CLAUDE_VERSION: expected one of ${knownVersions.join(', ')} or a newer one, got ${version}`,
    );
  const notice = versionNotice(version, known);
  if (notice !== undefined) say(notice);
  const scenarioFile = env['FAKE_CLAUDE_SCENARIO'];
  const effectsFile = env['FAKE_CLAUDE_EFFECTS'];
  return {
    argv,
    env,
    version,
    abilities: known.abilities,
    configDir: env['CLAUDE_CONFIG_DIR'] ?? join(homedir(), '.claude'),
    scenario: scenarioFile === undefined ? undefined : readScenario(scenarioFile, { parse: parseScript, starts: true }),
    effectsFile,
    counter: new SharedCounter(
      env['FAKE_CLAUDE_STATE'] ?? (effectsFile === undefined ? undefined : dirname(effectsFile)),
    ),
    shells: new Set(),
    die,
    stderr: (text) => write(2, text),
  };
}

async function main(): Promise<void> {
  const around = surroundings();
  const flags = parseFlags(argv, around.abilities.parks);
  if (flags.version) {
    write(1, `${around.version} (Claude Code)\n`);
    return;
  }
  // Reported, not seen: 2.1.329 answers with it set in print mode. Here it always ends the process, so that a host that passes it on is noticed.
  if (env['CLAUDECODE'] !== undefined && env['CLAUDECODE'] !== '')
    throw new FlagError('Error: Claude Code cannot be launched inside another Claude Code session.');
  const start = around.scenario?.start;
  const isBad = start !== undefined && around.counter.strikes('start', start.times ?? Number.POSITIVE_INFINITY);
  if (isBad && start.delayMs !== undefined) await sleep(start.delayMs);
  if (isBad && start.stderr !== undefined) say(start.stderr);
  if (isBad && start.exitCode !== undefined) process.exit(start.exitCode);
  run(around, flags, isBad && start.neverInitialise === true);
}

function run(around: Surroundings, flags: ReturnType<typeof parseFlags>, isMute: boolean): void {
  const giveBack = takeConfigDir(around.configDir);
  process.on('exit', giveBack);
  const output = new Output((bytes) => write(1, bytes));
  const control = new Control(output);
  const agent = new Agent(flags, around, output, control, process.cwd(), () => process.exit(0));
  const input = new Input({
    prompt: (content) => agent.prompt(content),
    request: (requestId, request) => {
      if (!isMute || request['subtype'] !== 'initialize') agent.request(requestId, request);
    },
    answered: (line) => control.answered(line),
  });
  process.on('SIGTERM', () => {
    if (around.abilities.shellsAtTerm === 'ended') for (const end of around.shells) end();
    agent.terminated();
    process.exit(143);
  });
  process.stdin.on('data', (chunk: Buffer) => {
    try {
      input.push(chunk);
    } catch (error) {
      fail(error, flags.sessionId);
    }
  });
  process.stdin.on('end', () => agent.inputEnded());
}

/** The CLI's own refusals exit with 1. A wrong set-up of the stand-in exits with 2, so that the two are not confused. */
function fail(error: unknown, sessionId: string | undefined): never {
  if (error instanceof NoConversation) {
    const result = new Ledger().result(notBegun(error.message), '');
    write(1, `${JSON.stringify({ ...result, session_id: sessionId ?? '' })}\n`);
  }
  const isRefusal = [FlagError, NoConversation, TornConfig, InputError].some((kind) => error instanceof kind);
  const isSetup = [SetupError, ScenarioError, CannotCount].some((kind) => error instanceof kind);
  say(
    isRefusal
      ? (error as Error).message
      : `fake-claude: ${isSetup ? (error as Error).message : String((error as Error).stack)}`,
  );
  process.exit(isRefusal ? 1 : 2);
}

process.on('unhandledRejection', (error) => fail(error, undefined));
main().catch((error: unknown) => fail(error, undefined));
