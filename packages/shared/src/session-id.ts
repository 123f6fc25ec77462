import { createHash } from 'node:crypto';
import { z } from 'zod';
import { HearthError } from './errors/hearth-error.js';
import { cutText } from './text.js';

/** Counts code points. */
const printable = /^[^\p{C}\p{Z}]{1,200}$/u;

/** The caller's name for a session: 1–200 printable characters without spaces. */
export const sessionIdSchema = z.string().regex(printable, '1–200 printable characters without spaces');
/** The caller's idempotency key for a turn. */
export const turnIdSchema = z.string().regex(printable, '1–200 printable characters without spaces');

/** @throws HearthError `invalid_session_id` */
export function checkSessionId(sessionId: unknown): string {
  const parsed = sessionIdSchema.safeParse(sessionId);
  if (parsed.success) return parsed.data;
  throw new HearthError(
    'invalid_session_id',
    `The session id ${cutText(JSON.stringify(sessionId) ?? 'undefined', 80)} is not acceptable.`,
    {
      field: 'sessionId',
      expected: '1–200 printable characters without spaces (a chat id, a mail address, a path)',
      wayOut: 'Replace spaces and control characters, or encode the name, before using it as a session id.',
    },
  );
}

/**
 * Encodes a session id for keys, job ids, folders and file names: `a-z 0-9 -` stand for themselves, every other byte of its UTF-8 is
 * `_hh`. The encoding is reversible. Encoded ids never differ by case alone, and contain no dot, colon or slash.
 */
export function encodeSessionId(sessionId: string): string {
  let encoded = '';
  for (const byte of Buffer.from(sessionId, 'utf8')) {
    const plain = (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d;
    encoded += plain ? String.fromCharCode(byte) : `_${byte.toString(16).padStart(2, '0')}`;
  }
  return encoded;
}

/** The inverse of {@link encodeSessionId}. */
export function decodeSessionId(encoded: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < encoded.length; at++) {
    if (encoded[at] === '_') {
      bytes.push(Number.parseInt(encoded.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(encoded.charCodeAt(at));
  }
  return Buffer.from(bytes).toString('utf8');
}

/** Most file systems allow 255 bytes in a name. An encoded id can have 2,400. */
const folderNameLength = 200;

/**
 * The encoded id as a relative folder path. A long id becomes nested folders. Every segment but the last ends with `+`, so that no
 * session's folder is inside another's.
 */
export function sessionFolder(sessionId: string): string {
  const encoded = encodeSessionId(sessionId);
  const segments = encoded.match(new RegExp(`.{1,${folderNameLength}}`, 'g')) ?? [];
  return segments.map((segment, at) => (at < segments.length - 1 ? `${segment}+` : segment)).join('/');
}

/** The id of a session for a single turn. It is a hash of the turnId, so that a resend finds the same session. */
export const singleTurnSessionId = (turnId: string): string =>
  `once-${createHash('sha256').update(turnId).digest('hex').slice(0, 24)}`;

/** Number of shards (hash tags `{s000}` … `{s255}`) of the session keys. */
export const shardCount = 256;

/** The shard of a session: the first byte of the SHA-1 of its id, so that any language can compute it. */
export function shardOf(sessionId: string): number {
  return createHash('sha1').update(sessionId, 'utf8').digest()[0] ?? 0;
}
