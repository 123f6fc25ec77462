import { claudeCommands, type KnownFlag, knownFlags } from './known-flags.js';

/** A refused call. The message goes to stderr. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
}

/** There is no worker to answer. Nothing was submitted. */
export class NoCluster extends Refusal {
  override readonly name = 'NoCluster';
}

/** A flag as given, with its values. */
export interface GivenFlag {
  flag: KnownFlag;
  values: readonly string[];
}

export interface CommandLine {
  given: readonly GivenFlag[];
  /** The first word that belongs to no flag. Like the CLI, later ones are ignored. */
  prompt: string | undefined;
}

/** Parses a command line like the CLI. @throws Refusal for unknown flags, and flags without their value */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const [command] = argv;
  if (command !== undefined && claudeCommands.has(command))
    throw new Refusal(`error: \`claude ${command}\` is a command of the real claude; hearth-claude answers prompts`);
  const words = argv.flatMap(unglued);
  const given: GivenFlag[] = [];
  let prompt: string | undefined;
  while (words.length > 0) {
    const word = words.shift() ?? '';
    if (word === '--') {
      prompt ??= words[0];
      break;
    }
    if (!isFlag(word)) prompt ??= word;
    else given.push(takeFlag(word, words));
  }
  return { given, prompt };
}

const isFlag = (word: string): boolean => word.startsWith('-') && word !== '-';

/** Expands short flags: `-pc` is `-p -c`, `-rID` is `-r ID`. */
function unglued(word: string): string[] {
  const short = /^(-[a-z])(.+)$/.exec(word);
  const flag = short === null ? undefined : knownFlags.get(short[1] ?? '');
  if (short === null || flag === undefined || word.startsWith('--')) return [word];
  const [, first = '', rest = ''] = short;
  return flag.arity === 'none' ? [first, ...unglued(`-${rest}`)] : [first, rest];
}

function takeFlag(word: string, rest: string[]): GivenFlag {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1;
  const name = equals === -1 ? word : word.slice(0, equals);
  const flag = knownFlags.get(name);
  if (flag === undefined) throw new Refusal(`error: unknown option '${name}'`);
  if (equals !== -1) return { flag, values: [word.slice(equals + 1)] };
  const values = takeValues(flag, rest);
  if (values.length === 0 && (flag.arity === 'one' || flag.arity === 'many'))
    throw new Refusal(`error: option '${flag.usage}' argument missing`);
  return { flag, values };
}

function takeValues({ arity }: KnownFlag, rest: string[]): string[] {
  const isNextFlag = isFlag(rest[0] ?? '-x');
  switch (arity) {
    case 'none':
      return [];
    case 'one':
      return rest.splice(0, 1);
    case 'maybe':
      return isNextFlag ? [] : rest.splice(0, 1);
    case 'many': {
      const end = rest.findIndex(isFlag);
      return rest.splice(0, end === -1 ? rest.length : end);
    }
  }
}
