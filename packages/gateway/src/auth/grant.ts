/** What a token allows; each includes those before it. */
export const scopes = ['read', 'prompt', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** What a token that was minted for one session may allow: none of it mints again. */
export const mintedScopes = ['read', 'prompt'] as const satisfies readonly Scope[];
export type MintedScope = (typeof mintedScopes)[number];

/** What a caller may do, and to which sessions. */
export interface Grant {
  /** Who it is, for the log. */
  name: string;
  scope: Scope;
  /** Confined to sessions whose ids begin so. */
  prefix?: string;
  /** Confined to this one session. */
  sessionId?: string;
}

export const includes = (grant: Grant, scope: Scope): boolean => scopes.indexOf(grant.scope) >= scopes.indexOf(scope);

export const isConfined = ({ prefix, sessionId }: Grant): boolean => prefix !== undefined || sessionId !== undefined;

/** Whether a session is within the grant's confines. */
export const holds = ({ prefix, sessionId }: Grant, asked: string): boolean =>
  (prefix === undefined || asked.startsWith(prefix)) && (sessionId === undefined || asked === sessionId);

/** The prefix a list is to be asked with, so that it has all that is asked for and allowed, and nothing else; undefined: nothing can be both. */
export function confine({ prefix: own = '' }: Grant, asked = ''): string | undefined {
  if (asked.startsWith(own)) return asked;
  return own.startsWith(asked) ? own : undefined;
}
