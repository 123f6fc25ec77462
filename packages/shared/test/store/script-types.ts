import { type Field, readScript, sourceOf } from '../../src/store/script-declarations.js';
import { scriptNames } from '../../src/store/scripts.js';

const head = `// Generated from the declarations in lua/. After a change there: npx vitest run packages/shared/test/store/scripts.test.ts -u
import type { Argument } from './script-declarations.js';

type Keys<Name extends string> = Readonly<Record<Name, string>>;
type Args<Name extends string, List extends string = never> = Readonly<
  Record<Name, Argument> & Record<List, readonly Argument[]>
>;
type Reply<Code extends string, Fields = object> = Code extends string ? { code: Code } & Fields : never;
`;
/** Key lists that many scripts include, as types of their own. */
const keyLists = { SessionKeys: 'includes/session_keys', WorkerKeys: 'includes/worker_keys' };
const types = { text: 'string', number: 'number', flag: 'boolean' };

/** The TypeScript types of all scripts, made from what the scripts declare. */
export function scriptTypes(): string {
  const lists = Object.entries(keyLists).map(
    ([type, file]) => [type, keysOf(readScript(sourceOf(file)).keys)] as const,
  );
  const named = lists.map(([type, keys]) => `export type ${type} = ${keys};\n`);
  const scripts = scriptNames().map((name) => {
    const { keys, args, rest, replies } = readScript(sourceOf(name));
    const keyType = lists.find(([, list]) => list === keysOf(keys))?.[0] ?? keysOf(keys);
    const argType = `Args<${union(args)}${rest === undefined ? '' : `, '${rest}'`}>`;
    const shapes = [...new Set([...replies.values()].map(shapeOf))];
    const reply = shapes.map((shape) => {
      const codes = [...replies.keys()].filter((code) => shapeOf(replies.get(code) ?? []) === shape);
      return `Reply<${union(codes)}${shape === '' ? '' : `, ${shape}`}>`;
    });
    return `  ${name}: {\n    keys: ${keyType};\n    args: ${argType};\n    reply: ${reply.join(' | ')};\n  };\n`;
  });
  return `${head}\n${named.join('')}\nexport interface Scripts {\n${scripts.join('')}}\n`;
}

const union = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(' | ') || 'never';
const keysOf = (names: readonly string[]): string => `Keys<${union(names)}>`;
const shapeOf = (fields: readonly Field[]): string =>
  fields.length === 0 ? '' : `{ ${fields.map((field) => `${field.name}: ${typeOf(field)}`).join('; ')} }`;

function typeOf({ type, form, each }: Field): string {
  const entry = each === undefined ? types[type] : shapeOf(each);
  return entry + { '': '', '?': ' | undefined', '[]': '[]' }[form];
}
