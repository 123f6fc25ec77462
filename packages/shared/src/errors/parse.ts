import type { z } from 'zod';
import type { ErrorCode } from './catalogue.js';
import { HearthError } from './hearth-error.js';

/**
 * Parses input with a schema.
 * @param root the name of the whole input (`prompt`, `options`)
 * @throws HearthError that names the first invalid field
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, code: ErrorCode, root: string): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.map(String).join('.') ?? '';
  const field = path === '' ? root : root === 'options' ? path : `${root}.${path}`;
  const reason = issue?.message ?? 'not acceptable';
  throw new HearthError(code, `${field}: ${reason}`, {
    field,
    expected: reason,
    wayOut: `Correct ${field} and try again.`,
    cause: parsed.error,
  });
}
