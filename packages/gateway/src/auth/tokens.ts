import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { HearthError } from '@hearth/shared';
import { parseInput } from '@hearth/shared/internal';
import { z } from 'zod';
import { type Grant, scopes } from './grant.js';

/** 16 random characters have at least 80 bits, so a token cannot be guessed. */
const tokenLengthAtLeast = 16;

const common = {
  scope: z.enum(scopes),
  /** Confines it to sessions whose ids begin so. */
  prefix: z.string().min(1).max(200).optional(),
  /** Shown in the log. */
  name: z
    .string()
    .regex(/^[\w.@-]{1,64}$/, '1–64 letters, digits, and _.@-')
    .optional(),
};

/** A configured token: itself, or its SHA-256 as hex, so that a reader of the file cannot use it. */
const tokenSchema = z.union(
  [
    z.strictObject({
      token: z
        .string()
        .regex(/^[\x21-\x7e]+$/)
        .min(tokenLengthAtLeast),
      ...common,
    }),
    z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/i), ...common }),
  ],
  {
    error: `{ token: at least ${tokenLengthAtLeast} ASCII characters without spaces, or sha256: 64 hex digits; scope: read, prompt or admin; prefix?, name? }`,
  },
);
export const tokensSchema = z.array(tokenSchema).min(1, 'at least one token');
export type ConfiguredToken = z.output<typeof tokenSchema>;

/** Reads a token file, a JSON array of tokens. @throws HearthError `invalid_options` */
export function readTokens(path: string): ConfiguredToken[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // The JSON error is not the cause, because it quotes the file, which contains tokens.
    const code = (error as NodeJS.ErrnoException).code;
    throw new HearthError(
      'invalid_options',
      `The token file ${path} cannot be read as JSON (${code ?? 'malformed'}).`,
      {
        field: 'tokens',
        expected: 'a JSON file: [{"token": "…", "scope": "admin"}]',
        wayOut: 'Correct the file, or leave it out to serve this machine alone.',
      },
    );
  }
  return parseInput(tokensSchema, json, 'invalid_options', 'tokens');
}

export const digest = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest();

interface KnownToken {
  /** Names it in a cookie. It reveals neither the token nor its digest. */
  id: string;
  digest: Buffer;
  grant: Grant;
}

/** The configured tokens. Holds only their digests. */
export class KnownTokens {
  private readonly known: readonly KnownToken[];

  constructor(tokens: readonly ConfiguredToken[]) {
    this.known = tokens.map((token, at) => {
      const own = 'token' in token ? digest(token.token) : Buffer.from(token.sha256, 'hex');
      const { scope, prefix, name = `${scope}-${at + 1}` } = token;
      return {
        id: digest(`id ${own.toString('hex')}`)
          .toString('hex')
          .slice(0, 16),
        digest: own,
        grant: { name, scope, ...(prefix === undefined ? {} : { prefix }) },
      };
    });
  }

  /** Compares with every token, so that the time it takes reveals nothing. */
  find(token: string): KnownToken | undefined {
    const given = digest(token);
    let found: KnownToken | undefined;
    for (const known of this.known) if (timingSafeEqual(known.digest, given)) found ??= known;
    return found;
  }

  byId(id: string): KnownToken | undefined {
    return this.known.find((known) => known.id === id);
  }
}
