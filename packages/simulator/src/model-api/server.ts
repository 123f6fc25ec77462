import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readScenario, type Scenario, withScenario } from '../scenario.js';
import { answer } from './answer.js';
import { readConversation } from './conversation.js';
import { parseDirectives, spoken } from './directives.js';
import { errorBody, FailureCounter } from './failures.js';
import { DirectiveError } from './fields.js';
import { type ModelRequest, requestSchema } from './request.js';
import { message, streamMessage } from './stream.js';

const optionsSchema = z.strictObject({
  /** 0: any free one. */
  port: z.number().int().min(0).max(65_535).default(0),
  /** Loopback only, because there is no authentication. */
  host: z.literal('127.0.0.1').default('127.0.0.1'),
  /** A JSON file with rules. See the README. */
  scenarioFile: z.string().optional(),
  /** Delay before the first byte of every answer, ms. */
  latencyMs: z.number().min(0).default(0),
  /** Gets the body of each request for messages, for tests of what a prompt brings along. */
  onRequest: z.custom<(body: string) => void>((value) => typeof value === 'function').optional(),
});
export type ModelApiOptions = z.input<typeof optionsSchema>;

/** A request that was answered, for tests. */
export interface SeenRequest {
  at: number;
  model: string;
  prompt: string;
  status: number;
  streamed: boolean;
}

export interface ModelApi {
  readonly url: string;
  readonly port: number;
  /** The last requests for messages, oldest first, at most 10,000. */
  readonly requests: readonly SeenRequest[];
  /** Closes the port and every connection, also hanging ones. */
  stop(): Promise<void>;
}

const seenAtMost = 10_000;

/** Starts the simulated model. @throws ScenarioError, ZodError on a bad option, the system's error on a port in use */
export async function startModelApi(options: ModelApiOptions = {}): Promise<ModelApi> {
  const { port, host, scenarioFile, latencyMs, onRequest } = optionsSchema.parse(options);
  const scenario =
    scenarioFile === undefined ? undefined : readScenario(scenarioFile, { parse: parseDirectives, starts: false });
  const model = new SimulatedModel(scenario, latencyMs, onRequest);
  const server = createServer((request, response) => {
    model.respond(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return void response.destroy();
      const status = error instanceof DirectiveError ? 400 : 500;
      sendJson(response, status, errorBody(status, error instanceof Error ? error.message : String(error)));
    });
  });
  await listen(server, port, host);
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host}:${bound}`,
    port: bound,
    requests: model.requests,
    stop: async () => {
      model.stop();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Answers requests as the directives in their prompts say. Owns the failure counts and the list of requests. */
class SimulatedModel {
  readonly requests: SeenRequest[] = [];
  private readonly failures = new FailureCounter();
  private readonly stopped = new AbortController();

  constructor(
    private readonly scenario: Scenario | undefined,
    private readonly latencyMs: number,
    private readonly onRequest: ((body: string) => void) | undefined,
  ) {}

  async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0];
    if (request.method === 'HEAD') return void response.writeHead(200).end();
    if (path === '/v1/messages/count_tokens')
      return sendJson(response, 200, { input_tokens: Math.ceil((await buffer(request)).length / 4) });
    if (path !== '/v1/messages') return sendJson(response, 404, errorBody(404, `The simulated model has no ${path}`));
    const raw = await buffer(request);
    const text = raw.toString('utf8');
    this.onRequest?.(text);
    const parsed = requestSchema.safeParse(parseJson(text));
    if (!parsed.success) return sendJson(response, 400, errorBody(400, z.prettifyError(parsed.error)));
    await this.play(parsed.data, response, raw.length);
  }

  /** Ends pauses and streams. */
  stop(): void {
    this.stopped.abort();
  }

  private async play(body: ModelRequest, response: ServerResponse, size: number): Promise<void> {
    const conversation = readConversation(body.messages);
    const prompt = conversation.said.at(-1) ?? '';
    const script = withScenario(prompt, this.scenario);
    // Requests besides the conversation (titles, quotas) offer no tools. Scripts do not apply to them.
    const directives = parseDirectives(body.tools.length > 0 ? script : '');
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const signal = AbortSignal.any([this.stopped.signal, gone.signal]);
    if (directives.hang) return this.note(body, prompt, 0);
    const delayMs = this.latencyMs + directives.delayMs;
    if (delayMs > 0) await sleep(delayMs, undefined, { signal });
    const { error, cut } = directives;
    if (error !== undefined && this.failures.strikes('error', body, conversation, error.times)) {
      this.note(body, prompt, error.status);
      return sendJson(response, error.status, errorBody(error.status, `Simulated error ${error.status}`));
    }
    const isCut = cut !== undefined && this.failures.strikes('cut', body, conversation, cut.times);
    const said = answer({ ...conversation, said: spoken(conversation.said) }, directives);
    const full = message(body.model, said, Math.ceil(size / 4));
    this.note(body, prompt, 200);
    if (!body.stream) return sendJson(response, 200, full);
    const { chunks, everyMs } = directives;
    await streamMessage(response, full, { chunks, everyMs, cutAfter: isCut ? cut.after : undefined, signal });
  }

  private note({ model, stream: streamed }: ModelRequest, prompt: string, status: number): void {
    this.requests.push({ at: Date.now(), model, prompt, status, streamed });
    if (this.requests.length > seenAtMost) this.requests.shift();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
