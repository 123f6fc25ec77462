import { type ErrorCode, HearthError } from '@hearth/shared';
import type { z } from 'zod';
import { codeFor } from './errors.js';

/** Parses a part of a request. @param part `path`, `query` or `body` @throws HearthError that names the first invalid field */
export function parsePart<T>(
  schema: z.ZodType<T>,
  value: unknown,
  part: string,
  code: ErrorCode = 'invalid_request',
): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.map(String).join('.') || part;
  const reason = issue?.message ?? 'not acceptable';
  throw new HearthError(codeFor(String(issue?.path[0])) ?? code, `${field}: ${reason}`, {
    field,
    expected: reason,
    wayOut: `Correct ${field} in the ${part} and send the request again. See /docs.`,
    cause: parsed.error,
  });
}
