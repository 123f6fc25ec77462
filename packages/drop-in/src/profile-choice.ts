import type { LaunchDigest } from '@hearth/shared';
import { digestOf } from '@hearth/shared/internal';
import { type GivenFlag, Refusal } from './command-line.js';

/** Profile name → what it launches, as live workers publish it. */
export type Launches = Readonly<Record<string, LaunchDigest>>;

/**
 * Finds the profile for a `--model`: the profile of that name, else one that launches that model.
 *
 * @throws Refusal when there is none
 */
export function profileFor(model: string, launches: Launches): string {
  if (model in launches) return model;
  const found = Object.entries(launches).find(([, launch]) => launch.model === model);
  if (found !== undefined) return found[0];
  throw new Refusal(
    `error: no profile is named "${model}" or launches that model; there are: ${Object.keys(launches).join(', ')}. Add one to the profile file of the workers, or leave --model out`,
  );
}

/**
 * Checks launch flags against the profile, because a warm agent was launched before the call.
 *
 * @throws Refusal naming the first flag that does not agree, and where it belongs
 */
export function checkAgreement(flags: readonly GivenFlag[], profile: string, launch: LaunchDigest | undefined): void {
  for (const given of flags) {
    if (agrees(given, launch)) continue;
    const { flag } = given;
    const place = flag.meaning.kind === 'field' ? `"${flag.meaning.field}"` : '"extraArgs"';
    throw new Refusal(
      `error: ${flag.name} does not agree with the profile "${profile}": put it into a profile (${place} in the profile file of the workers) and choose that with --model or HEARTH_CLAUDE_PROFILE; the flag may stay then`,
    );
  }
}

/** Whether a profile says what a launch flag says. False for a profile that is not known. */
export function agrees({ flag, values }: GivenFlag, launch: LaunchDigest | undefined): boolean {
  if (launch === undefined) return false;
  if (flag.meaning.kind === 'extraArgs') return isAmong(launch.extraArgs, flag.name, values);
  if (flag.meaning.kind !== 'field') return true;
  if (flag.name === '--dangerously-skip-permissions') return launch.permissionMode === 'bypassPermissions';
  // `manual` is the CLI's new name for `default`.
  if (flag.name === '--permission-mode')
    return launch.permissionMode === (values[0] === 'manual' ? 'default' : values[0]);
  const said =
    flag.meaning.says === 'list' ? listOf(values) : flag.meaning.says === 'number' ? Number(values[0]) : values[0];
  return said !== undefined && launch.fields[flag.meaning.field] === digestOf(said);
}

/** Tools are separated by commas or spaces, and can contain both in brackets. */
const listOf = (values: readonly string[]): string[] =>
  values.flatMap((text) => text.match(/[^,\s(]+(?:\([^)]*\))?/g) ?? []);

function isAmong(extraArgs: readonly string[], flag: string, values: readonly string[]): boolean {
  const words = [flag, ...values].map((word) => digestOf(word));
  const glued = digestOf(`${flag}=${values[0]}`);
  return (
    extraArgs.some((_, at) => words.every((word, offset) => extraArgs[at + offset] === word)) ||
    extraArgs.includes(glued)
  );
}
