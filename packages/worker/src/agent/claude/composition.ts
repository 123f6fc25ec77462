import { HearthError, type Profile, type Prompt } from '@hearth/shared';

type Allowed = Pick<Profile, 'mentions' | 'commands'>;

/**
 * Whether the CLI shall read a prompt as it is. Otherwise it composes: it puts files named by `@path` into the request, before any gate or
 * permission, and runs slash commands. Only what the profile allows is composed.
 */
export function isVerbatim(prompt: Prompt, profile: Allowed): boolean {
  if (commandOf(prompt) !== undefined) return !isCommand(prompt, profile);
  return !(profile.mentions && mentionsFile(prompt));
}

/** Whether the CLI shall run a prompt as a slash command. */
export function isCommand(prompt: Prompt, { mentions, commands }: Allowed): boolean {
  const command = commandOf(prompt);
  return command !== undefined && commands.includes(command) && (mentions || !mentionsFile(prompt));
}

/** The first Claude Code that knows `client_composed` on a user line. Older ones ignore the field. Source: types of the Agent SDK 0.3.332. */
const knownSince = [2, 1, 248] as const;

/**
 * Why a prompt cannot be given to a CLI of that version.
 *
 * @param version asked only for a prompt that the CLI could compose
 */
export async function refusalOf(
  prompt: Prompt,
  profile: Allowed,
  version: () => Promise<string>,
): Promise<HearthError | undefined> {
  const isComposable = mentionsFile(prompt) || commandOf(prompt) !== undefined;
  if (!isComposable || !isVerbatim(prompt, profile)) return undefined;
  const found = await version();
  if (knowsVerbatim(found)) return undefined;
  const what = mentionsFile(prompt) ? 'read the file of its @path before any permission' : 'run its slash command';
  return new HearthError('invalid_prompt', `Claude Code ${found} would not take this prompt as text, but ${what}.`, {
    field: 'prompt',
    expected: 'a prompt without @path that does not begin with a slash command',
    wayOut: `Update claude on the workers to ${knownSince.join('.')} or later, or allow it in the profile (mentions, commands).`,
  });
}

function knowsVerbatim(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [at, known] of knownSince.entries()) {
    const part = parts[at] ?? 0;
    // A version that is not a number counts as an old one.
    if (part !== known) return part > known;
  }
  return true;
}

/** An `@` that does not continue a word, as that of an address does. */
const mention = /(?<![\p{L}\p{N}])@\S/u;

function mentionsFile(prompt: Prompt): boolean {
  if (typeof prompt === 'string') return mention.test(prompt);
  return prompt.some((block) => block.type === 'text' && mention.test(block.text));
}

/** The slash command a prompt begins with. The CLI looks for one in the last text block. */
function commandOf(prompt: Prompt): string | undefined {
  const text = typeof prompt === 'string' ? prompt : prompt.findLast((block) => block.type === 'text')?.text;
  return text === undefined ? undefined : /^\s*(\/\S+)/.exec(text)?.[1];
}
