import { join } from 'node:path';
import { findRedisServer } from '@hearth/local-redis';
import { describeError, toErrorBody } from '@hearth/shared';
import {
  connectFailingFast,
  hearthHome,
  judgeRedis,
  prepareFolder,
  readRedisFacts,
  redisUrlFrom,
} from '@hearth/shared/internal';
import { findClaude } from '@hearth/worker/internal';
import { execa } from 'execa';
import { howToGiveCredentials, lookForCredentials, userFilesOfClaude } from '../credentials.js';
import { style } from '../terminal/output.js';
import type { CommonOptions, Context } from './context.js';
import { checkAgent, type ProfileOptions } from './doctor-agent.js';

export interface DoctorOptions extends CommonOptions, ProfileOptions {}

export interface Finding {
  check: string;
  state: 'ok' | 'warning' | 'fault';
  found: string;
  /** What to do about it. */
  advice?: string;
}

/** `hearth doctor`: checks everything Hearth needs on this machine. Exit code 1 when something is wrong. */
export async function doctor(options: DoctorOptions, { out }: Context): Promise<number> {
  const checks = [
    node,
    home,
    () => redis(redisUrlFrom(options.redisUrl)),
    binary,
    () => checkAgent(options),
    userFiles,
    credentials,
  ];
  const findings: Finding[] = [];
  for (const check of checks) {
    for (const finding of await check()) {
      findings.push(finding);
      out.value(finding);
      const mark = { ok: style.green('✓'), warning: style.yellow('!'), fault: style.red('✗') }[finding.state];
      out.line(`${mark} ${finding.check.padEnd(14)} ${finding.found}`);
      if (finding.advice !== undefined) out.line(style.dim(finding.advice.replace(/^/gm, '    ')));
    }
  }
  return findings.some(({ state }) => state === 'fault') ? 1 : 0;
}

async function node(): Promise<Finding[]> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19))
    return [{ check: 'Node', state: 'ok', found: process.versions.node }];
  return [{ check: 'Node', state: 'fault', found: process.versions.node, advice: 'Hearth needs Node 20.19 or newer.' }];
}

async function home(): Promise<Finding[]> {
  try {
    await prepareFolder(hearthHome());
    return [{ check: 'home', state: 'ok', found: `${hearthHome()} can be written` }];
  } catch (error) {
    return [{ check: 'home', state: 'fault', found: 'not usable', advice: describeError(toErrorBody(error)) }];
  }
}

async function redis(url: string): Promise<Finding[]> {
  const client = connectFailingFast(url, 'hearth-doctor');
  try {
    const facts = await readRedisFacts(client, 2_000);
    const fault = judgeRedis(facts);
    return [
      {
        check: 'Redis',
        state: fault === undefined ? 'ok' : 'fault',
        found: `${url}, version ${facts.version}, maxmemory-policy ${facts.evictionPolicy}`,
        ...(fault === undefined ? {} : { advice: describeError(fault.toJSON()) }),
      },
    ];
  } catch (error) {
    const server = await findServer().catch(() => undefined);
    const advice =
      server === undefined
        ? describeError(toErrorBody(error))
        : '`hearth up` would bring its own; or start one and set REDIS_URL.';
    return [{ check: 'Redis', state: 'fault', found: `nothing answers at ${url}`, advice }];
  } finally {
    client.disconnect();
  }
}

async function findServer() {
  return findRedisServer({ cacheDir: join(hearthHome(), 'cache') });
}

async function binary(): Promise<Finding[]> {
  try {
    const { path, from } = findClaude(process.env['HEARTH_CLAUDE_PATH'] || undefined);
    const { stdout } = await execa(path, ['--version']);
    return [{ check: 'claude', state: 'ok', found: `${stdout.trim()} at ${path} (${from})` }];
  } catch (error) {
    return [{ check: 'claude', state: 'fault', found: 'not usable', advice: describeError(toErrorBody(error)) }];
  }
}

/** Agents have config dirs of their own, so the user's files do not reach them. */
async function userFiles(): Promise<Finding[]> {
  const found = userFilesOfClaude();
  if (found.length === 0) return [];
  return [
    {
      check: 'user files',
      state: 'warning',
      found: `${found.join(', ')} do not reach agents`,
      advice:
        'Copy what agents shall have into a folder and name it as "configTemplate" in the profile, or name folders in "addDirs".',
    },
  ];
}

async function credentials(): Promise<Finding[]> {
  const looked = lookForCredentials();
  if (looked.found !== undefined) return [{ check: 'credentials', state: 'ok', found: looked.found }];
  return [
    {
      check: 'credentials',
      state: 'warning',
      found: `none of ${looked.lookedFor.join(', ')}`,
      advice: howToGiveCredentials(looked),
    },
  ];
}
