import { expect } from 'vitest';
import type { Cluster } from './cluster.js';
import type { Call, Contract, Reply } from './contract.js';
import { bearer, type TestGateway, testTokens } from './gateway.js';

const { admin, prompt, read, confined } = testTokens;

/** A valid request for each operation. */
export const requests: Record<string, Call> = {
  submitTurn: { params: { sessionId: 's' }, body: { prompt: 'hello' } },
  listTurns: { params: { sessionId: 's' } },
  readTurn: { params: { sessionId: 's', turnId: 't' } },
  cancelTurn: { params: { sessionId: 's', turnId: 't' } },
  streamTurn: { params: { sessionId: 's', turnId: 't' } },
  streamSession: { params: { sessionId: 's' } },
  interrupt: { params: { sessionId: 's' }, body: {} },
  warm: { params: { sessionId: 's' }, body: {} },
  readTranscript: { params: { sessionId: 's' } },
  listPermissions: { params: { sessionId: 's' } },
  answerPermission: { params: { sessionId: 's', requestId: 'r' }, body: { decision: 'allow' } },
  listSessions: {},
  closeSessions: { query: { prefix: 'unknown-' } },
  readSession: { params: { sessionId: 's' } },
  closeSession: { params: { sessionId: 's' } },
  listWorkers: {},
  health: {},
  readiness: {},
  me: {},
  login: { body: { token: admin.token } },
  logout: {},
  mintToken: { body: { sessionId: 's', scope: 'read' } },
  openapi: {},
  docs: {},
  docsStyle: {},
};

/** The parts that the scenarios use. */
export interface World {
  cluster: Cluster;
  gateway: TestGateway;
  /** Accepts bodies of 2 KB at most, and two turns of a session. */
  small: TestGateway;
  /** Its Redis does not answer. */
  lost: TestGateway;
  /** Its Redis is too old. */
  old: TestGateway;
  /** Its Redis may evict keys. */
  evicting: TestGateway;
  contract: Contract;
  /** Calls as admin. */
  ask: (operationId: string, call?: Call) => Promise<Reply>;
}

/** The refusals that all operations share, generated from the document: how to provoke each code. */
const provoked: Record<string, (world: World, id: string, method: string) => Promise<Reply>> = {
  unauthenticated: ({ contract, gateway }, id) =>
    contract.call(gateway.url, id, {
      ...requests[id],
      ...(id === 'login' ? { body: { token: 'an unknown token' } } : {}),
    }),
  forbidden: ({ contract, gateway }, id, method) => {
    const weak =
      requests[id]?.params !== undefined || id === 'listWorkers' ? confined : method === 'get' ? prompt : read;
    return contract.call(gateway.url, id, { ...requests[id], headers: bearer(weak) });
  },
  cross_origin: ({ contract, gateway }, id) =>
    contract.call(gateway.url, id, { ...requests[id], headers: { origin: 'https://elsewhere.example' } }),
  csrf_refused: async ({ contract, gateway }, id) =>
    contract.call(gateway.url, id, { ...requests[id], headers: { cookie: (await signIn(gateway)).cookie } }),
  invalid_session_id: (world, id) => world.ask(id, withField(id, 'sessionId', 'with space')),
  invalid_turn_id: (world, id) => world.ask(id, withField(id, 'turnId', 'with space')),
  invalid_prompt: (world, id) => world.ask(id, withField(id, 'prompt', ' ')),
  invalid_metadata: (world, id) => world.ask(id, withField(id, 'metadata', 'text')),
  invalid_answer: (world, id) => world.ask(id, withField(id, 'decision', 'perhaps')),
  invalid_request: (world, id) => {
    const { params, body } = requests[id] ?? {};
    if (params !== undefined) return world.ask(id, { ...requests[id], params: { ...params, sessionId: '%ZZ' } });
    return body === undefined
      ? world.ask(id, { query: { nope: '1' } })
      : world.ask(id, { body: { ...(body as object), nope: 1 } });
  },
  request_too_large: ({ contract, small }, id) =>
    contract.call(small.url, id, { ...requests[id], raw: `{"prompt":"${'x'.repeat(4_000)}"}`, headers: bearer(admin) }),
  unsupported_media_type: ({ contract, gateway }, id) =>
    contract.call(gateway.url, id, {
      ...requests[id],
      headers: { ...bearer(admin), 'content-type': 'text/plain' },
      raw: '{}',
    }),
  redis_unreachable: ({ contract, lost }, id) =>
    contract.call(lost.url, id, { ...requests[id], headers: bearer(admin) }),
  redis_too_old: ({ contract, old }, id) => contract.call(old.url, id, { ...requests[id], headers: bearer(admin) }),
  redis_evicting: ({ contract, evicting }, id) =>
    contract.call(evicting.url, id, { ...requests[id], headers: bearer(admin) }),
};

function withField(id: string, name: string, value: string): Call {
  const { params, body } = requests[id] ?? {};
  if (params?.[name] !== undefined) return { ...requests[id], params: { ...params, [name]: value } };
  return { ...requests[id], body: { ...(body as object), [name]: value } };
}

async function signIn({ url }: TestGateway): Promise<{ cookie: string; csrfToken: string }> {
  const response = await fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: admin.token }),
  });
  const { csrfToken } = (await response.json()) as { csrfToken: string };
  return { cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '', csrfToken };
}

/** Codes that take time, because a Redis is waited for. They have gateways of their own. */
const waitedFor = /^redis_/;

/** Provokes every refusal of every operation. */
export async function refuseEverywhere(world: World): Promise<void> {
  const all = world.contract.all.flatMap(({ id, method, codes }) => codes.map((code) => ({ id, method, code })));
  const refuse = async ({ id, method, code }: (typeof all)[number]): Promise<void> => {
    const reply = await provoked[code]?.(world, id, method);
    if (reply !== undefined) expect({ id, ...reply.body }).toMatchObject({ id, code });
  };
  await Promise.all([
    ...all.filter(({ code }) => waitedFor.test(code)).map(refuse),
    (async () => {
      for (const one of all) if (!waitedFor.test(one.code)) await refuse(one);
    })(),
  ]);
}
