import type {
  ErrorBody,
  PermissionAnswer,
  PermissionRequest,
  SessionPage,
  SessionSummary,
  TurnRecord,
  WorkerRecord,
} from '@hearth/shared';

/** What a token allows; each includes those before it. */
const scopes = ['read', 'prompt', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Who is looking, as the gateway sees it. */
export interface Me {
  /** Whether the gateway asks for tokens at all. */
  authentication: boolean;
  scope: Scope;
  /** Sessions it is confined to: those whose ids begin so. */
  prefix?: string;
  /** The one session it is confined to. */
  sessionId?: string;
  /** What writes of a signed-in browser carry. */
  csrfToken?: string;
}

/** Whether it is confined to some sessions: then the workers and Bull Board are not for it. */
export const isConfined = (me: Me): boolean => (me.prefix ?? '') !== '' || me.sessionId !== undefined;

export const allows = (me: Me, scope: Scope): boolean => scopes.indexOf(me.scope) >= scopes.indexOf(scope);

/** A queue of doorbells and how many jobs it has. */
export interface QueueRecord {
  name: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

/** A refusal of the gateway (RFC 9457), with our stable `code`. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly body: Omit<ErrorBody, 'code'> & { code: string },
  ) {
    super(body.message);
  }
}

/** Says `signed-out` when the gateway does not know us any more. */
export const signedOut = new EventTarget();

const sessionPath = (sessionId: string): string => `v1/sessions/${encodeURIComponent(sessionId)}`;

/** Where a session's events come from; `after` is an event's id. */
export const eventsUrl = (sessionId: string, after: string | undefined): string =>
  `${sessionPath(sessionId)}/events${after === undefined ? '' : `?after=${encodeURIComponent(after)}`}`;

export interface SessionQuery {
  prefix: string;
  state: string;
  after: string | undefined;
  limit: number;
}

/** The gateway's routes, as far as the page uses them. Everything throws {@link Problem}, or TypeError without a network. */
export const api = {
  me: async () => {
    const me = await request<Me>('GET', 'v1/me');
    csrfToken = me.csrfToken;
    return me;
  },
  signIn: (token: string) => request<void>('POST', 'login', { token }),
  signOut: () => request<void>('POST', 'logout', {}),
  workers: () => request<{ workers: WorkerRecord[]; queues: QueueRecord[] }>('GET', 'v1/workers'),
  sessions: ({ prefix, state, after, limit }: SessionQuery) => {
    const query = new URLSearchParams({ limit: String(limit) });
    if (prefix !== '') query.set('prefix', prefix);
    if (state !== '') query.set('state', state);
    if (after !== undefined) query.set('after', after);
    return request<SessionPage>('GET', `v1/sessions?${query}`);
  },
  session: (sessionId: string) => request<SessionSummary>('GET', sessionPath(sessionId)),
  turns: (sessionId: string, limit: number, before?: number) =>
    request<{ turns: TurnRecord[]; before?: number }>(
      'GET',
      `${sessionPath(sessionId)}/turns?limit=${limit}${before === undefined ? '' : `&before=${before}`}`,
    ),
  turn: (sessionId: string, turnId: string) =>
    request<TurnRecord>('GET', `${sessionPath(sessionId)}/turns/${encodeURIComponent(turnId)}`),
  prompt: (sessionId: string, prompt: string, onBusy: string) =>
    request<{ turnId: string; seq: number }>('POST', `${sessionPath(sessionId)}/turns`, { prompt, onBusy }),
  interrupt: (sessionId: string) => request<unknown>('POST', `${sessionPath(sessionId)}/interrupt`, {}),
  warm: (sessionId: string) => request<unknown>('POST', `${sessionPath(sessionId)}/warm`, {}),
  close: (sessionId: string) => request<unknown>('DELETE', sessionPath(sessionId)),
  permissions: (sessionId: string) =>
    request<{ permissions: PermissionRequest[] }>('GET', `${sessionPath(sessionId)}/permissions`),
  answer: (sessionId: string, requestId: string, answer: PermissionAnswer) =>
    request<unknown>('POST', `${sessionPath(sessionId)}/permissions/${encodeURIComponent(requestId)}`, answer),
};

/** It changes with every sign-in, in other tabs too. */
let csrfToken: string | undefined;

async function request<T>(method: string, path: string, body?: object): Promise<T> {
  try {
    return await send<T>(method, path, body);
  } catch (error) {
    if (!(error instanceof Problem) || error.body.code !== 'csrf_refused') throw error;
    await api.me();
    return send<T>(method, path, body);
  }
}

async function send<T>(method: string, path: string, body?: object): Promise<T> {
  const headers = {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(method === 'GET' || csrfToken === undefined ? {} : { 'x-csrf-token': csrfToken }),
  };
  const response = await fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const value: unknown = text === '' ? undefined : parse(text);
  // Whoever signs in is not known yet: a wrong token is told on the spot.
  if (response.status === 401 && path !== 'login') signedOut.dispatchEvent(new Event('signed-out'));
  if (!response.ok) throw problemOf(response, value);
  return value as T;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf({ status, statusText }: Response, value: unknown): Problem {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, string | undefined>;
  const { code = `http_${status}`, title, detail, message, ...rest } = given;
  return new Problem(status, { ...rest, code, message: detail ?? message ?? title ?? statusText });
}

/** Anything thrown, as what the page shows. */
export function problemBody(error: unknown): Problem['body'] {
  if (error instanceof Problem) return error.body;
  return { code: 'gateway_unreachable', message: 'The gateway does not answer.', wayOut: 'Is it running? Try again.' };
}
