import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, HearthError, type Profile, profileSchema, toErrorBody } from '@hearth/shared';
import { createLogger } from '@hearth/shared/internal';
import { type Agent, ClaudeDriver, readProfiles } from '@hearth/worker/internal';
import { withProgress } from '../terminal/progress.js';
import type { Finding } from './doctor.js';

export interface ProfileOptions {
  /** The name of the profile whose agent is described. Absent: the default profile, which is only started. */
  profile?: string;
  profiles?: string;
}

/** A command that the CLI answers itself, so that describing an agent costs nothing. Its turn begins with an `init` line. */
const localCommand = '/cost';
/** How long an agent may take to describe itself, ms. The CLI waits some seconds for late MCP servers. */
const describedWithinMs = 60_000;

/** Starts one agent like a worker, and ends it. With a profile named it lists what the agent has to work with. */
export async function checkAgent(options: ProfileOptions): Promise<Finding[]> {
  const home = await mkdtemp(join(tmpdir(), 'hearth-doctor-'));
  try {
    const profile = profileOf(options);
    const driver = new ClaudeDriver({
      claudePath: process.env['HEARTH_CLAUDE_PATH'] || undefined,
      workerEnv: process.env,
      log: createLogger('doctor', 'silent'),
    });
    const startedAt = performance.now();
    const workspaces = join(home, 'workspaces');
    const launch = { agentId: `a-${randomUUID()}`, workerId: 'doctor', profile, home, workspaces };
    const agent = await withProgress('Starting an agent', () => driver.spare(launch));
    const tookMs = Math.round(performance.now() - startedAt);
    const workspace = profile.workspace === 'scratch' ? join(workspaces, 'doctor') : profile.workspace;
    try {
      const described = options.profile === undefined ? [] : await describe(agent, workspace);
      return [{ check: 'agent start', state: 'ok', found: `${tookMs} ms to start and initialise` }, ...described];
    } finally {
      await agent.end('ask');
    }
  } catch (error) {
    return [
      { check: 'agent start', state: 'fault', found: 'no agent starts', advice: describeError(toErrorBody(error)) },
    ];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** @throws HearthError `invalid_options` | `profile_unknown` */
function profileOf({ profile: name = 'default', profiles = process.env['HEARTH_PROFILES'] }: ProfileOptions): Profile {
  const known = profiles ? readProfiles(profiles) : { default: profileSchema.parse({}) };
  const profile = known[name];
  if (profile !== undefined) return { ...profile, commands: [localCommand] };
  throw new HearthError('profile_unknown', `There is no profile ${JSON.stringify(name)}.`, {
    field: 'profile',
    expected: `one of ${Object.keys(known).join(', ')}`,
    wayOut: 'Name the file with --profiles (or HEARTH_PROFILES), and one of its profiles with --profile.',
  });
}

async function describe(agent: Agent, workspace: string): Promise<Finding[]> {
  await mkdir(workspace, { recursive: true });
  const failed: Finding[] = [];
  const init = new Promise<unknown>((resolve) => {
    agent.watch((way, line) => {
      if (way === 'out' && line.includes('"subtype":"init"')) resolve(JSON.parse(line));
    });
  });
  await agent.bind(workspace, (event) => {
    if (event.kind === 'notice' && event.code !== 'mcp_server_failed')
      failed.push({ check: event.code.replace('_', ' '), state: 'warning', found: event.message });
  });
  agent.prompt(localCommand);
  const line = await Promise.race([init, agent.exited, sleep(describedWithinMs, undefined, { ref: false })]);
  agent.watch(undefined);
  return [...findingsOf(line), ...failed];
}

/** What an agent has to work with, from the `init` line of the CLI. */
export function findingsOf(init: unknown): Finding[] {
  const line = fieldsOf(init);
  if (line['subtype'] !== 'init') {
    const found = 'the agent did not describe itself';
    return [{ check: 'agent', state: 'fault', found, advice: 'Attach to a session with --raw to see what it prints.' }];
  }
  const list = (check: string, field: string): Finding => {
    const names = listOf(line[field]).map((one) => (typeof one === 'string' ? one : nameOf(one)));
    return { check, state: 'ok', found: names.length === 0 ? 'none' : `${names.length}: ${names.join(', ')}` };
  };
  return [
    list('tools', 'tools'),
    ...listOf(line['mcp_servers']).map(serverFinding),
    list('skills', 'skills'),
    list('commands', 'slash_commands'),
    list('sub-agents', 'agents'),
    list('plugins', 'plugins'),
  ];
}

function serverFinding(server: unknown): Finding {
  const status = String(fieldsOf(server)['status']);
  const found = `${nameOf(server)}: ${status}`;
  if (status === 'connected') return { check: 'MCP server', state: 'ok', found };
  const isFault = status === 'failed' || status === 'needs-auth';
  return {
    check: 'MCP server',
    state: isFault ? 'fault' : 'warning',
    found,
    advice: 'Run its command by hand in the workspace, or log in to it. Until then Claude has none of its tools.',
  };
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const nameOf = (value: unknown): string => String(fieldsOf(value)['name']);
