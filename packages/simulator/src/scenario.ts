import { readFileSync } from 'node:fs';

/** How fake-claude begins, for bad starts. The model API has no such thing. */
interface StartHazard {
  /** Delay before anything is read or written, ms. */
  delayMs?: number;
  /** Exits at once with this code. */
  exitCode?: number;
  /** Written to stderr before that. */
  stderr?: string;
  /** Never answers `initialize`. */
  neverInitialise?: boolean;
  /** How many starts are like this, counted over all processes. Absent: every one. */
  times?: number;
}

export interface Scenario {
  rules: readonly {
    /** A part of the prompt, or `/a regular expression/`. */
    match: string;
    /** Directives that are put before the prompt. */
    steps: readonly string[];
  }[];
  start?: StartHazard;
}

/** A scenario file that cannot be used. The message names the field. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly code = 'invalid_scenario';
}

/** The program that plays a scenario: how it parses directives, and whether it has a bad start. */
export interface Player {
  parse: (text: string) => unknown;
  starts: boolean;
}

/** @throws ScenarioError */
export function readScenario(path: string, player: Player): Scenario {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ScenarioError(`${path} cannot be read as JSON`, { cause });
  }
  return parseScenario(json, player);
}

/** The prompt with the steps of the first matching rule before it. */
export function withScenario(prompt: string, scenario: Scenario | undefined): string {
  const rule = scenario?.rules.find(({ match }) => matcher(match)(prompt));
  return rule === undefined ? prompt : `${rule.steps.join(' ')} ${prompt}`;
}

/** Checked by hand, without zod, because fake-claude starts by the hundred and loading zod would be most of a start. */
function parseScenario(json: unknown, player: Player): Scenario {
  const { rules = [], start } = record('scenario', json, ['rules', 'start']);
  if (!Array.isArray(rules)) throw new ScenarioError('rules: expected a list');
  return {
    rules: rules.map((rule: unknown, at) => parseRule(`rules.${at}`, rule, player)),
    ...(start === undefined ? {} : { start: parseStart(start, player) }),
  };
}

function parseRule(field: string, json: unknown, player: Player): Scenario['rules'][number] {
  const { match, steps } = record(field, json, ['match', 'steps']);
  if (typeof match !== 'string' || match === '') throw new ScenarioError(`${field}.match: expected a text`);
  if (!Array.isArray(steps) || steps.length === 0 || !steps.every((step) => typeof step === 'string' && step !== ''))
    throw new ScenarioError(`${field}.steps: expected a list of at least one text`);
  try {
    matcher(match);
    player.parse(steps.join(' '));
  } catch (cause) {
    throw new ScenarioError(`${field}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return { match, steps: steps as string[] };
}

function parseStart(json: unknown, player: Player): StartHazard {
  if (!player.starts) throw new ScenarioError('start: expected nothing; only fake-claude plays it');
  const start = record('start', json, ['delayMs', 'exitCode', 'stderr', 'neverInitialise', 'times']);
  for (const field of ['delayMs', 'exitCode', 'times'] as const) {
    const value = start[field];
    const most = field === 'exitCode' ? 255 : Number.MAX_SAFE_INTEGER;
    if (value !== undefined && !(Number.isInteger(value) && Number(value) >= 0 && Number(value) <= most))
      throw new ScenarioError(`start.${field}: expected a whole number${field === 'exitCode' ? ' up to 255' : ''}`);
  }
  if (start['stderr'] !== undefined && typeof start['stderr'] !== 'string')
    throw new ScenarioError('start.stderr: expected a text');
  if (start['neverInitialise'] !== undefined && typeof start['neverInitialise'] !== 'boolean')
    throw new ScenarioError('start.neverInitialise: expected true or false');
  return start;
}

function record(field: string, json: unknown, allowed: readonly string[]): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ScenarioError(`${field}: expected an object`);
  const unknown = Object.keys(json).find((key) => !allowed.includes(key));
  if (unknown !== undefined)
    throw new ScenarioError(
      `${field === 'scenario' ? '' : `${field}.`}${unknown}: expected one of ${allowed.join(', ')}`,
    );
  return json as Record<string, unknown>;
}

function matcher(match: string): (text: string) => boolean {
  const pattern = /^\/(.+)\/([a-z]*)$/.exec(match);
  if (pattern === null) return (text) => text.includes(match);
  const expression = new RegExp(pattern[1] ?? '', pattern[2]);
  return (text) => expression.test(text);
}
