import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HearthError } from '@hearth/shared';
import type { Logger } from '@hearth/shared/internal';
import { execa } from 'execa';
import { tieToHome } from '../../processes/agent-home.js';
import { OutOfMemoryKills } from '../../processes/memory-limit.js';
import type { Agent, AgentDriver, Launch, ResumedAgent, StoredTranscript } from '../driver.js';
import { findClaude } from './binary.js';
import { ClaudeAgent } from './claude-agent.js';
import { copyTemplate } from './config-template.js';
import { conversationOf } from './conversation.js';
import { type Beginning, configDir, environment, transcriptFolder } from './launch.js';
import { placedWorkspace } from './placed-workspace.js';
import { repairTranscript } from './repair-transcript.js';
import { SharedLogin } from './shared-login.js';

export interface ClaudeDriverOptions {
  /** Path of the binary. Undefined: each start searches for it, so that a binary installed later is found. */
  claudePath: string | undefined;
  workerEnv: NodeJS.ProcessEnv;
  log: Logger;
}

/** Flags an older CLI may not know, and what Hearth does without them. */
const optionalFlags = {
  /** Marked alpha. */
  '--await-claim': 'this claude cannot park spares (--await-claim); starting them in folders that become workspaces',
  /** Undocumented. */
  '--session-mirror': 'this claude does not mirror its transcript (--session-mirror); reading it from its files',
};
type OptionalFlag = keyof typeof optionalFlags;

/** The driver of the real CLI. Owns which optional flags the CLI lacks, its versions, and the count of agents the kernel killed. */
export class ClaudeDriver implements AgentDriver {
  private readonly lacks = new Set<OptionalFlag>();
  private readonly outOfMemoryKills = new OutOfMemoryKills();
  private readonly versions = new Map<string, Promise<string>>();

  constructor(private readonly options: ClaudeDriverOptions) {}

  async spare(launch: Launch): Promise<Agent> {
    return this.withoutUnknown(launch, (fresh) => this.startSpare(fresh));
  }

  async resume(launch: Launch, workspace: string, transcript: StoredTranscript): Promise<ResumedAgent | undefined> {
    const { claudeSessionId } = transcript;
    const conversation = conversationOf(transcript.files, claudeSessionId);
    if (conversation === undefined) return undefined;
    const { files, cutLines } = repairTranscript(conversation);
    const agent = await this.withoutUnknown(launch, (fresh) =>
      this.startResumed(fresh, workspace, { claudeSessionId, files }),
    );
    return { agent, cutLines };
  }

  private async startSpare(launch: Launch): Promise<Agent> {
    // Spares of a profile with one workspace for all start there. A scratch workspace is not known before the claim.
    const { workspace } = launch.profile;
    if (workspace !== 'scratch') return this.startIn(launch, workspace);
    if (this.lacks.has('--await-claim')) {
      const placed = placedWorkspace(launch.workspaces, launch.agentId);
      await mkdir(launch.home, { recursive: true });
      // The folder goes with the agent until a session takes it.
      await tieToHome(launch.home, placed);
      return this.startIn(launch, placed);
    }
    const parking = join(launch.home, 'parking');
    await mkdir(parking, { recursive: true });
    return this.start(launch, { kind: 'parked', claudeSessionId: randomUUID() }, parking);
  }

  private async startIn(launch: Launch, workspace: string): Promise<Agent> {
    await mkdir(workspace, { recursive: true });
    return this.start(launch, { kind: 'placed', claudeSessionId: randomUUID() }, workspace);
  }

  private async startResumed(
    launch: Launch,
    workspace: string,
    { claudeSessionId, files }: StoredTranscript,
  ): Promise<Agent> {
    const folder = transcriptFolder(launch.home);
    const transcript = join(folder, `${claudeSessionId}.jsonl`);
    for (const [file, content] of files) {
      const path = file === 'main' ? transcript : join(folder, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
    return this.start(launch, { kind: 'resumed', transcript, claudeSessionId }, workspace);
  }

  /** Starts again without a flag that the CLI does not know. */
  private async withoutUnknown(launch: Launch, start: (launch: Launch) => Promise<Agent>): Promise<Agent> {
    for (let fresh = launch; ; fresh = { ...fresh, home: `${fresh.home}+` }) {
      try {
        return await start(fresh);
      } catch (error) {
        const unknown = error instanceof HearthError ? unknownFlag(error.message) : undefined;
        if (unknown === undefined || this.lacks.has(unknown)) throw error;
        this.lacks.add(unknown);
        this.options.log.info({ event: 'claude.flag_unknown', flag: unknown }, optionalFlags[unknown]);
        // The next start gets a fresh home, because the home of the failed start is being removed.
      }
    }
  }

  /** Asks each binary once, and only when a prompt depends on it. Rejects when the binary does not answer in time. */
  private versionOf(binary: string, launch: Launch): Promise<string> {
    const known = this.versions.get(binary);
    if (known !== undefined) return known;
    // "2.1.329 (Claude Code)"
    const env = environment(launch, this.options.workerEnv);
    const asked = execa(binary, ['--version'], {
      env,
      extendEnv: false,
      stdin: 'ignore',
      timeout: launch.profile.startTimeoutMs,
    }).then(({ stdout }) => stdout.split(' ')[0] ?? '');
    this.versions.set(binary, asked);
    asked.catch(() => this.versions.delete(binary));
    return asked;
  }

  private async start(launch: Launch, beginning: Beginning, cwd: string): Promise<Agent> {
    const binary = findClaude(this.options.claudePath);
    for (const folder of [configDir(launch), join(launch.home, 'tmp')]) await mkdir(folder, { recursive: true });
    const { configTemplate, loginFrom } = launch.profile;
    if (configTemplate !== undefined) await copyTemplate(configTemplate, configDir(launch));
    const login =
      loginFrom === undefined
        ? undefined
        : new SharedLogin(launch.agentId, configDir(launch), loginFrom, this.options.log);
    await login?.start();
    const agent = new ClaudeAgent({
      binary: binary.path,
      launch,
      beginning,
      cwd,
      workerEnv: this.options.workerEnv,
      login,
      mirrors: !this.lacks.has('--session-mirror'),
      version: () => this.versionOf(binary.path, launch),
      outOfMemoryKills: this.outOfMemoryKills,
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

function unknownFlag(message: string): OptionalFlag | undefined {
  const flags = Object.keys(optionalFlags) as OptionalFlag[];
  return flags.find((flag) => message.includes(`unknown option '${flag}'`));
}

function startError(cause: unknown, binary: string, stderrTail: string, timeoutMs: number): HearthError {
  if (cause instanceof HearthError && cause.code === 'agent_start_timeout') {
    return new HearthError(
      'agent_start_timeout',
      `${binary} did not initialise within ${timeoutMs} ms. ${stderrTail}`.trim(),
      {
        field: 'startTimeoutMs',
        expected: 'an answer to `initialize` in time',
        wayOut: 'Run `hearth doctor`. If the machine is slow, raise startTimeoutMs in the profile.',
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
      wayOut: 'Run `hearth doctor` on the worker’s machine. It starts the binary and prints its answer.',
      cause,
    },
  );
}
