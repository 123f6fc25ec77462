import { z } from 'zod';
import { wellFormed } from '../text.js';
import { type ErrorCode, errorCatalogue, errorCodes } from './catalogue.js';

/** The JSON form of an error: in a failed turn, in a failed job, in an HTTP response. */
export const errorBodySchema = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  field: z.string().optional(),
  expected: z.string().optional(),
  wayOut: z.string().optional(),
  /** When to try again, ms since 1970. */
  retryAt: z.number().optional(),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

export interface HearthErrorDetails {
  /** The invalid input or option, as a caller writes it (`prompt`, `profiles.default.model`). */
  field?: string | undefined;
  /** What is accepted. */
  expected?: string | undefined;
  /** What the caller can do. */
  wayOut?: string | undefined;
  /** When to try again, ms since 1970. */
  retryAt?: number | undefined;
  cause?: unknown;
}

/** The error type of Hearth. Programs switch on `code`; the message is for people. */
export class HearthError extends Error {
  override readonly name: string = 'HearthError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly expected: string | undefined;
  readonly wayOut: string | undefined;
  readonly retryAt: number | undefined;

  constructor(code: ErrorCode, message: string, details: HearthErrorDetails = {}) {
    // Messages quote what callers sent.
    super(wellFormed(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.field = details.field;
    this.expected = details.expected;
    this.wayOut = details.wayOut;
    this.retryAt = details.retryAt;
  }

  /** The error as plain data, without cause and stack. */
  toJSON(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.expected === undefined ? {} : { expected: this.expected }),
      ...(this.wayOut === undefined ? {} : { wayOut: this.wayOut }),
      ...(this.retryAt === undefined ? {} : { retryAt: this.retryAt }),
    };
  }
}

/** Formats an error as one line for people. */
export function describeError(error: ErrorBody): string {
  const parts = [`${error.code}: ${error.message}`];
  if (error.field !== undefined) parts.push(`field: ${error.field}`);
  if (error.expected !== undefined) parts.push(`expected: ${error.expected}`);
  if (error.wayOut !== undefined) parts.push(error.wayOut);
  if (error.retryAt !== undefined) parts.push(`retry at ${new Date(error.retryAt).toISOString()}`);
  return parts.join(' · ');
}

/** Parses code and message from a line of {@link describeError}. Any other line becomes `internal`. */
export function errorOfLine(line: string): HearthError {
  const code = errorCodes.find((known) => line.startsWith(`${known}: `));
  return new HearthError(code ?? 'internal', code === undefined ? line : line.slice(code.length + 2));
}

/** Converts anything thrown. An error that is not Hearth's becomes `internal` with its message. */
export function toErrorBody(error: unknown): ErrorBody {
  if (error instanceof HearthError) return error.toJSON();
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message: message === '' ? errorCatalogue.internal.title : message };
}

/** The inverse of {@link toErrorBody}. */
export function fromErrorBody(body: ErrorBody): HearthError {
  return new HearthError(body.code, body.message, body);
}
