import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createProducer } from '@hearth/producer';
import { profileSchema } from '@hearth/shared';
import { createLogger } from '@hearth/shared/internal';
import { type Agent, type AgentEvent, ClaudeDriver } from '@hearth/worker/internal';
import { type Bench, ms, quantile, row } from './bench.js';

const rounds = 300;
/** Uncounted turns of each side: the first turns load code and fill caches. */
const warmUps = 20;

/** The CLI continues to work after its result, which on two cores would be counted against the next turn. */
const settleMs = 40;

/** Prompt submitted → first text at a subscriber in another process, compared with the same agent driven over its pipes. */
export async function hotTurn(bench: Bench): Promise<void> {
  const direct = await directAgent(bench);
  const producer = createProducer({ redisUrl: bench.redisUrl });
  const session = producer.session('bench');
  const viaHearth = async (prompt: string): Promise<{ first: number; atAgent: number }> => {
    const startedAt = performance.now();
    let first = Number.NaN;
    const turn = await session.prompt(prompt);
    for await (const event of turn) {
      if (Number.isNaN(first) && event.type === 'text.delta') first = performance.now() - startedAt;
    }
    const { firstEventMs = Number.NaN, queuedMs } = (await turn.result()).timings;
    return { first, atAgent: firstEventMs - queuedMs };
  };
  const piped: number[] = [];
  const queued: number[] = [];
  const atAgent: number[] = [];
  // Alternating, so that both sides have the same noise.
  for (let round = 0; round < rounds + warmUps; round += 1) {
    const prompt = `round ${round}`;
    await sleep(settleMs);
    const a = await direct.firstText(prompt);
    await sleep(settleMs);
    const b = await viaHearth(prompt);
    if (round < warmUps) continue;
    piped.push(a);
    queued.push(b.first);
    atAgent.push(b.atAgent);
  }
  await producer.close();
  await direct.agent.end('ask');
  const [p50, p99] = [0.5, 0.99].map((q) => quantile(queued, q) - quantile(piped, q)) as [number, number];
  console.log('hot turn: prompt submitted → first text event');
  console.log(row('the agent over its pipes', piped));
  console.log(row('through Hearth, subscriber in another process', queued));
  console.log(row('  of that: begin → first event at the worker', atAgent));
  console.log(
    `  Hearth adds p50 ${ms(p50)} (goal ≤ 1.5), p99 ${ms(p99)} (goal ≤ 6); ratio of p50 ${(quantile(queued, 0.5) / quantile(piped, 0.5)).toFixed(2)}\n`,
  );
}

async function directAgent({
  env,
  folder,
}: Bench): Promise<{ agent: Agent; firstText(prompt: string): Promise<number> }> {
  const driver = new ClaudeDriver({ claudePath: undefined, workerEnv: env, log: createLogger('bench', 'silent') });
  const home = join(folder, 'direct');
  const workspace = join(folder, 'direct-workspace');
  await mkdir(workspace, { recursive: true });
  const agent = await driver.spare({
    agentId: 'direct',
    workerId: 'bench',
    profile: profileSchema.parse({}),
    home,
    workspaces: join(home, 'workspaces'),
  });
  let listener: (event: AgentEvent) => void = () => undefined;
  await agent.bind(workspace, (event) => listener(event));
  return {
    agent,
    firstText: (prompt) =>
      new Promise((resolve) => {
        const startedAt = performance.now();
        let first = Number.NaN;
        listener = (event) => {
          if (Number.isNaN(first) && event.kind === 'delta') first = performance.now() - startedAt;
          if (event.kind === 'result') resolve(first);
        };
        agent.prompt(prompt);
      }),
  };
}
