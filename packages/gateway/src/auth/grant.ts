/** What a token allows. Each scope includes those before it. */
export const scopes = ['read', 'prompt', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Scopes of a minted token. It can never mint. */
export const mintedScopes = ['read', 'prompt'] as const satisfies readonly Scope[];
export type MintedScope = (typeof mintedScopes)[number];

/** What a caller may do, and in which sessions. */
export interface Grant {
  /** The caller's name, for the log. */
  name: string;
  scope: Scope;
  /** Confines it to sessions whose ids begin with this. */
  prefix?: string;
  /** Confines it to this session. */
  sessionId?: string;
}

export const includes = (grant: Grant, scope: Scope): boolean => scopes.indexOf(grant.scope) >= scopes.indexOf(scope);

export const isConfined = ({ prefix, sessionId }: Grant): boolean => prefix !== undefined || sessionId !== undefined;

/** Whether a session is within the grant. */
export const holds = ({ prefix, sessionId }: Grant, asked: string): boolean =>
  (prefix === undefined || asked.startsWith(prefix)) && (sessionId === undefined || asked === sessionId);

/** The prefix for a list that has only sessions that match the request and the grant. Undefined: no session can match both. */
export function confine({ prefix: own = '' }: Grant, asked = ''): string | undefined {
  if (asked.startsWith(own)) return asked;
  return own.startsWith(asked) ? own : undefined;
}
