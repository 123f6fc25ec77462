import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createProducer, type Producer, type TurnResult } from '@hearth/producer';
import { findClaude } from '@hearth/worker/internal';
import { execa } from 'execa';
import { lookForCredentials } from '../credentials.js';
import { style, table } from '../terminal/output.js';
import { withProgress } from '../terminal/progress.js';
import { aborted, type Context } from './context.js';
import { announce, sayReady, type UpOptions, withStack } from './up.js';

/** How long a turn of the conversation waits until the machine is quiet, ms. */
const spareDeadlineMs = 5_000;

export interface StartOptions extends UpOptions {
  exit?: boolean;
}

/**
 * `npm start`: brings everything up and shows one conversation through the queue, each turn beside a cold `claude -p` with the same
 * prompt. Without credentials it says so first and uses the simulator's model.
 */
export async function start(options: StartOptions, context: Context): Promise<number> {
  const { out, signal } = context;
  const { found } = lookForCredentials();
  const demo = options.demo ?? found === undefined;
  const first = demo
    ? "No credentials for Claude: this is the demo, the real claude CLI with the simulator's model (hearth doctor says how to give some)."
    : `Claude's credentials come from ${found ?? 'the profile'}.`;
  if (out.json) out.note(first);
  else out.line(first);
  return withStack(options, demo, context, async (stack) => {
    sayReady(stack, context);
    const producer = createProducer({ redisUrl: stack.redisUrl });
    try {
      const told = await Promise.race([conversation(producer, stack.env, context), aborted(signal).then(() => false)]);
      if (!told) return 130;
    } finally {
      await producer.close();
    }
    announce(stack, context);
    if (options.exit) return 0;
    await aborted(signal);
    return 0;
  });
}

async function conversation(producer: Producer, env: NodeJS.ProcessEnv, { out }: Context): Promise<true> {
  const run = randomBytes(2).toString('hex');
  const a = `A-${run}`;
  const b = `B-${run}`;
  const script: [string, string][] = [
    [a, 'Remember the number 4711.'],
    [b, 'Remember the number 1234.'],
    [a, 'What number did I ask you to remember?'],
    [b, 'What number did I ask you to remember?'],
  ];
  const rows = [['SESSION', 'PROMPT', 'ANSWER', 'PID', 'WARMTH', 'FIRST EVENT', 'TOTAL', 'COLD claude -p']];
  for (const [sessionId, prompt] of script) {
    const row = await withProgress(
      `${sessionId}: ${prompt}`,
      async () => {
        // Both sides run on a quiet machine: no spare is starting.
        await spareIsReady(producer);
        const coldMs = await cold(prompt, env);
        const turn = await producer.session(sessionId).prompt(prompt);
        const answered = await turn.result();
        out.value(turnLine(answered));
        out.value({ kind: 'cold', totalMs: coldMs });
        return turnRow(prompt, answered, coldMs);
      },
      ([, , answer]) => `${sessionId}: ${prompt} ${style.dim('→')} ${answer}`,
    );
    rows.push(row);
  }
  out.line(`\n${table(rows)}`);
  out.line(
    style.dim(
      '\nCold: a new process for each message, which forgets everything. Hot: the same process as the turn before; it remembers.',
    ),
  );
  return true;
}

/** Waits for a ready spare in a worker's record. On a full worker, where no spare comes, it gives up after a while. */
async function spareIsReady(producer: Producer): Promise<void> {
  const deadline = performance.now() + spareDeadlineMs;
  while (performance.now() < deadline) {
    const workers = await producer.workers();
    if (workers.some(({ slots }) => slots.spare > 0)) return;
    await sleep(50);
  }
}

function turnLine(result: TurnResult): object {
  const { sessionId, turnId, seq, workerId, pid, claudeSessionId, warmth, timings, text } = result;
  return {
    kind: 'turn',
    sessionId,
    turnId,
    seq,
    workerId,
    pid,
    claudeSessionId,
    warmth,
    firstEventMs: timings.firstEventMs,
    totalMs: timings.totalMs,
    result: text,
  };
}

function turnRow(prompt: string, { sessionId, text, pid, warmth, timings }: TurnResult, coldMs: number): string[] {
  return [
    sessionId,
    prompt,
    text.trim(),
    String(pid),
    String(warmth),
    `${timings.firstEventMs ?? '-'} ms`,
    `${timings.totalMs} ms`,
    `${coldMs} ms`,
  ];
}

/** Runs one `claude -p` as scripts do: a new process, a new config dir, the whole call. */
async function cold(prompt: string, env: NodeJS.ProcessEnv): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-cold-'));
  try {
    const startedAt = performance.now();
    await execa(findClaude(env['HEARTH_CLAUDE_PATH'] || undefined).path, ['-p', '--output-format', 'json', prompt], {
      cwd: folder,
      env: { ...env, CLAUDE_CONFIG_DIR: join(folder, 'config'), CLAUDECODE: undefined },
      stdin: 'ignore',
    });
    return Math.round((performance.now() - startedAt) * 10) / 10;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
