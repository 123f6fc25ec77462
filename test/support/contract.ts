import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'vitest';
import { type Received, receive } from './event-source.js';

interface Content {
  schema: { allOf?: [unknown, { properties: { code: { enum: string[] } } }] };
}
interface Operation {
  operationId: string;
  security: unknown[];
  responses: Record<string, { content?: Record<string, Content> }>;
}
export interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

/** A request to an operation. */
export interface Call {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  /** The raw body, instead of `body`. */
  raw?: string;
  headers?: Record<string, string>;
  /** For a stream: disconnects after the matching event. */
  until?: (event: Received) => boolean;
}

export interface Reply {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
  text: string;
  events: Received[];
}

const problemType = 'application/problem+json';
const pointer = (...parts: string[]): string =>
  parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Calls operations of a gateway, checks every answer against its document, and records which parts of it occurred. */
export class Contract {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: false });
  private readonly seen = new Set<string>();
  private readonly operations = new Map<string, { path: string; method: string; operation: Operation }>();

  private constructor(document: Document) {
    formats.default(this.ajv);
    this.ajv.addFormat('base64', /^[A-Za-z0-9+/]*={0,2}$/);
    this.ajv.addSchema(document, 'openapi');
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods))
        this.operations.set(operation.operationId, { path, method, operation });
    }
  }

  /** Reads the document of a gateway, which has to be valid. */
  static async of(url: string): Promise<Contract> {
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
    const { valid, errors } = await new Validator().validate({ ...structuredClone(document) });
    expect({ valid, errors }).toMatchObject({ valid: true });
    return new Contract(document);
  }

  get all(): { id: string; path: string; method: string; isOpen: boolean; codes: string[] }[] {
    return [...this.operations].map(([id, { path, method, operation }]) => ({
      id,
      path,
      method,
      isOpen: operation.security.length === 0,
      codes: Object.values(operation.responses).flatMap(codesOf),
    }));
  }

  async call(url: string, operationId: string, call: Call = {}): Promise<Reply> {
    const found = this.operations.get(operationId);
    if (found === undefined) throw new Error(`no operation ${operationId}`);
    const { path, method } = found;
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encode(call.params?.[name] ?? name));
    const query = call.query === undefined ? '' : `?${new URLSearchParams(call.query).toString()}`;
    const body = call.raw ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
    const leaving = new AbortController();
    const response = await fetch(url + filled + query, {
      method: method.toUpperCase(),
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...call.headers },
      ...(body === undefined ? {} : { body }),
      signal: leaving.signal,
    });
    const reply = await read(response, call.until, leaving);
    this.check(operationId, response.status, reply);
    return reply;
  }

  /** The parts of the document that have not occurred. */
  unseen(): string[] {
    return this.all.flatMap(({ id }) => this.promised(id)).filter((promise) => !this.seen.has(promise));
  }

  private promised(operationId: string): string[] {
    return Object.entries(this.operations.get(operationId)?.operation.responses ?? {})
      .filter(([status]) => status !== 'default')
      .flatMap(([status, response]) => {
        const codes = codesOf(response);
        const types = Object.keys(response.content ?? { '': '' }).filter((type) => type !== problemType);
        return [...codes, ...types].map((what) => `${operationId} ${status} ${what}`);
      });
  }

  private check(operationId: string, status: number, { headers, body, text, events }: Reply): void {
    const { path, method, operation } = this.operations.get(operationId) ?? {};
    const documented = operation?.responses[status] === undefined ? 'default' : String(status);
    const at = `${operationId} answered ${status}`;
    const [type = ''] = (headers.get('content-type') ?? '').split(';');
    const what = type === problemType ? String(body['code']) : type;
    this.seen.add(`${operationId} ${status} ${what}`);
    expect(headers.get('x-request-id'), at).toMatch(/./);
    const content = operation?.responses[documented]?.content;
    if (content === undefined) return expect(text, at).toBe('');
    expect(Object.keys(content), at).toContain(type);
    const place = pointer('paths', path ?? '', method ?? '', 'responses', documented, 'content', type, 'schema');
    const validate = this.ajv.getSchema(`openapi#${encodeURI(place)}`) as ValidateFunction;
    const values =
      type === 'text/event-stream' ? events.map(({ data }) => data) : [type.endsWith('json') ? body : text];
    for (const value of values)
      expect({ at, value, ok: validate(value), errors: validate.errors }).toMatchObject({ ok: true });
  }
}

/** Deliberately malformed requests stay malformed. */
const encode = (text: string): string => (text === '%ZZ' ? text : encodeURIComponent(text));

const codesOf = ({ content }: Operation['responses'][string]): string[] =>
  content?.[problemType]?.schema.allOf?.[1].properties.code.enum ?? [];

async function read(response: Response, until: Call['until'], leaving: AbortController): Promise<Reply> {
  const reply: Reply = { status: response.status, headers: response.headers, body: {}, text: '', events: [] };
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    for await (const event of receive(response)) {
      reply.events.push(event);
      if (until?.(event)) break;
    }
    leaving.abort();
    return reply;
  }
  reply.text = await response.text();
  if (
    response.headers.get('content-type')?.includes('json;') ||
    response.headers.get('content-type')?.endsWith('json')
  ) {
    reply.body = JSON.parse(reply.text) as Record<string, unknown>;
  }
  return reply;
}
