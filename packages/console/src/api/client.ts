import type {
  ErrorBody,
  PermissionAnswer,
  PermissionRequest,
  SessionPage,
  SessionSummary,
  TurnRecord,
  WorkerRecord,
} from '@hearth/shared';

/** What a token allows. Each scope includes those before it. */
const scopes = ['read', 'prompt', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** The person at this page, as the gateway knows them. */
export interface Me {
  /** Whether the gateway requires tokens. */
  authentication: boolean;
  scope: Scope;
  /** Confined to sessions whose ids begin with this. */
  prefix?: string;
  /** Confined to this session. */
  sessionId?: string;
  /** What writes of a signed-in browser must carry. */
  csrfToken?: string;
}

/** Whether the token is confined, so that workers and Bull Board are not shown. */
export const isConfined = (me: Me): boolean => (me.prefix ?? '') !== '' || me.sessionId !== undefined;

export const allows = (me: Me, scope: Scope): boolean => scopes.indexOf(me.scope) >= scopes.indexOf(scope);

/** A queue of doorbells and its number of jobs. */
export interface QueueRecord {
  name: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

/** An error of the gateway (RFC 9457), with its stable `code`. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly body: Omit<ErrorBody, 'code'> & { code: string },
  ) {
    super(body.message);
  }
}

/** Emits `signed-out` when the gateway does not accept the sign-in any more. */
export const signedOut = new EventTarget();

const sessionPath = (sessionId: string): string => `v1/sessions/${encodeURIComponent(sessionId)}`;

/** The address of a session's event stream. `after`: an event's id. */
export const eventsUrl = (sessionId: string, after: string | undefined): string =>
  `${sessionPath(sessionId)}/events${after === undefined ? '' : `?after=${encodeURIComponent(after)}`}`;

export interface SessionQuery {
  prefix: string;
  state: string;
  after: string | undefined;
  limit: number;
}

/** The gateway's routes that the page uses. Each call throws {@link Problem}, or TypeError without a network. */
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

/** The CSRF token. It changes with every sign-in, also in other tabs. */
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
  // A failed sign-in is not a lost one: the form shows its error.
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

/** What the page shows for anything thrown. */
export function problemBody(error: unknown): Problem['body'] {
  if (error instanceof Problem) return error.body;
  return { code: 'gateway_unreachable', message: 'The gateway does not answer.', wayOut: 'Is it running? Try again.' };
}
