import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseDirectives } from './model-api/directives.js';

const scenarioSchema = z.strictObject({
  rules: z.array(
    z.strictObject({
      /** A part of the prompt, or `/a regular expression/`. */
      match: z.string().min(1),
      /** Directives that are put before the prompt, as they would stand in it. */
      steps: z.array(z.string().min(1)).min(1),
    }),
  ),
});
export type Scenario = z.infer<typeof scenarioSchema>;

/** A scenario file that cannot be used; the message names the field. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly code = 'invalid_scenario';
}

/** @throws ScenarioError */
function parseScenario(json: unknown): Scenario {
  const parsed = scenarioSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ScenarioError(`${issue?.path.join('.') || 'scenario'}: ${issue?.message ?? 'not acceptable'}`, {
      cause: parsed.error,
    });
  }
  for (const [at, rule] of parsed.data.rules.entries()) {
    try {
      matcher(rule.match);
      parseDirectives(rule.steps.join(' '));
    } catch (cause) {
      throw new ScenarioError(`rules.${at}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
  return parsed.data;
}

/** @throws ScenarioError */
export function readScenario(path: string): Scenario {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ScenarioError(`${path} cannot be read as JSON`, { cause });
  }
  return parseScenario(json);
}

/** The prompt with the steps of the first rule that matches before it. */
export function withScenario(prompt: string, scenario: Scenario | undefined): string {
  const rule = scenario?.rules.find(({ match }) => matcher(match)(prompt));
  return rule === undefined ? prompt : `${rule.steps.join(' ')} ${prompt}`;
}

function matcher(match: string): (text: string) => boolean {
  const pattern = /^\/(.+)\/([a-z]*)$/.exec(match);
  if (pattern === null) return (text) => text.includes(match);
  const expression = new RegExp(pattern[1] ?? '', pattern[2]);
  return (text) => expression.test(text);
}
