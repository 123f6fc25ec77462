import { randomUUID } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HearthError, type Logger } from '@hearth/shared';
import type { Agent, AgentDriver, Launch, Past } from '../driver.js';
import { findClaude } from './binary.js';
import { ClaudeAgent } from './claude-agent.js';
import { type Beginning, configDir } from './launch.js';
import { placedWorkspace } from './placed-workspace.js';

export interface ClaudeDriverOptions {
  /** Path of the binary; absent: searched for at each start, so that one installed later is found. */
  claudePath: string | undefined;
  workerEnv: NodeJS.ProcessEnv;
  log: Logger;
}

/** The driver of the real CLI. Owns what is known of the CLI's abilities. */
export class ClaudeDriver implements AgentDriver {
  /** `--await-claim` is marked alpha: a CLI that does not know it says so at the first start. */
  private canPark = true;

  constructor(private readonly options: ClaudeDriverOptions) {}

  async spare(launch: Launch): Promise<Agent> {
    // A profile with one workspace for all starts its spares there; only scratch workspaces are not known before the claim.
    if (launch.profile.workspace !== 'scratch') {
      await mkdir(launch.profile.workspace, { recursive: true });
      return this.start(launch, { kind: 'placed', claudeSessionId: randomUUID() }, launch.profile.workspace);
    }
    if (!this.canPark) return this.placed(launch);
    const parking = join(launch.home, 'parking');
    await mkdir(parking, { recursive: true });
    try {
      return await this.start(launch, { kind: 'parked', claudeSessionId: randomUUID() }, parking);
    } catch (error) {
      if (!(error instanceof HearthError) || !error.message.includes("unknown option '--await-claim'")) throw error;
      this.canPark = false;
      this.options.log.info(
        'this claude cannot park spares (--await-claim); starting them in folders that become workspaces',
      );
      return this.placed(launch);
    }
  }

  private async placed(launch: Launch): Promise<Agent> {
    const workspace = placedWorkspace(launch.workspaces, launch.agentId);
    await mkdir(workspace, { recursive: true });
    // A fresh home: that of a start that failed is just being removed.
    const home = `${launch.home}-placed`;
    return this.start({ ...launch, home }, { kind: 'placed', claudeSessionId: randomUUID() }, workspace);
  }

  async resume(launch: Launch, workspace: string, past: Past): Promise<Agent> {
    const folder = join(launch.home, 'past');
    const transcript = join(folder, `${past.claudeSessionId}.jsonl`);
    for (const [file, content] of past.files) {
      const path = file === 'main' ? transcript : join(folder, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
    return this.start(launch, { kind: 'resumed', transcript }, workspace, past.claudeSessionId);
  }

  private async start(launch: Launch, beginning: Beginning, cwd: string, resumedId?: string): Promise<Agent> {
    const binary = findClaude(this.options.claudePath);
    for (const folder of [configDir(launch), join(launch.home, 'tmp')]) await mkdir(folder, { recursive: true });
    if (launch.profile.loginFrom !== undefined) {
      await symlink(join(launch.profile.loginFrom, '.credentials.json'), join(configDir(launch), '.credentials.json'));
    }
    const claudeSessionId = beginning.kind === 'resumed' ? (resumedId ?? '') : beginning.claudeSessionId;
    const agent = new ClaudeAgent({
      binary: binary.path,
      launch,
      beginning,
      cwd,
      claudeSessionId,
      workerEnv: this.options.workerEnv,
      log: this.options.log,
    });
    try {
      await agent.initialise(launch.profile.startTimeoutMs);
      return agent;
    } catch (cause) {
      const exit = await agent.end('now');
      throw startError(cause, binary.path, exit.stderrTail, launch.profile.startTimeoutMs);
    }
  }
}

function startError(cause: unknown, binary: string, stderrTail: string, timeoutMs: number): HearthError {
  if (cause instanceof HearthError && cause.code === 'agent_start_timeout') {
    return new HearthError(
      'agent_start_timeout',
      `${binary} did not initialise within ${timeoutMs} ms. ${stderrTail}`.trim(),
      {
        field: 'startTimeoutMs',
        expected: 'an answer to `initialize` in time',
        wayOut: 'Run `hearth doctor`; if the machine is slow, raise startTimeoutMs in the profile.',
        cause,
      },
    );
  }
  return new HearthError(
    'agent_start_failed',
    `${binary} did not start. ${stderrTail || (cause instanceof Error ? cause.message : '')}`.trim(),
    {
      field: 'claudePath',
      expected: 'Claude Code 2.1.329 or one that understands the same flags',
      wayOut: 'Run `hearth doctor` on the worker’s machine; it starts the binary and says what it answers.',
      cause,
    },
  );
}
