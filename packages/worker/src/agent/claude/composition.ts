import { HearthError, type Profile, type Prompt } from '@hearth/shared';

type Allowed = Pick<Profile, 'mentions' | 'commands'>;

/**
 * Whether the CLI shall read a prompt as it is. Otherwise it composes: it puts files named by `@path` into the request, before any gate or
 * permission, and runs slash commands. Only what the profile allows is composed.
 */
export function isVerbatim(prompt: Prompt, profile: Allowed): boolean {
  if (namesCommand(prompt)) return !isCommand(prompt, profile);
  return !(profile.mentions && mentionsFile(prompt));
}

/** Whether the CLI shall run a prompt as a slash command. The whole prompt has to be the command. */
export function isCommand(prompt: Prompt, { mentions, commands }: Allowed): boolean {
  const command = prompt.length === 1 || typeof prompt === 'string' ? commandIn(textsOf(prompt)[0] ?? '') : undefined;
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
  const isComposable = mentionsFile(prompt) || namesCommand(prompt);
  if (!isComposable || !isVerbatim(prompt, profile)) return undefined;
  // A claude that does not say its version is treated as one that would compose.
  const found = await version().catch(() => 'of an unknown version');
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

const mentionsFile = (prompt: Prompt): boolean => textsOf(prompt).some((text) => mention.test(text));

/** Whether a text of the prompt begins with a slash command. Which block the CLI looks at is not documented, so each of them counts. */
const namesCommand = (prompt: Prompt): boolean => textsOf(prompt).some((text) => commandIn(text) !== undefined);

const commandIn = (text: string): string | undefined => /^\s*(\/\S+)/.exec(text)?.[1];

const textsOf = (prompt: Prompt): string[] =>
  typeof prompt === 'string' ? [prompt] : prompt.flatMap((block) => (block.type === 'text' ? [block.text] : []));
