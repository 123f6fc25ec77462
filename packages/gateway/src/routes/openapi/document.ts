import { type ErrorCode, errorCatalogue } from '@hearth/shared';
import { z } from 'zod';
import { statusOf } from '../../http/problem.js';
import { errorsOf } from '../errors.js';
import type { Documented, Route } from '../route.js';
import { namedSchemas } from '../schemas.js';

type Json = Record<string, unknown>;

/** The part of an OpenAPI document that Hearth writes and reads. */
export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: Json[];
  parameters: { name: string; in: string; required: boolean; description?: string; schema: Json }[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
}
export interface OpenApiDocument {
  openapi: '3.1.0';
  info: Json;
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; securitySchemes: Json };
}

const problemType = 'application/problem+json';

/** Describes routes as OpenAPI 3.1, from the schemas that check their requests. */
export function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const schemas = new SchemaBook();
  const paths: OpenApiDocument['paths'] = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hearth',
      version: '1',
      description:
        'Keeps Claude Code sessions warm. Ids in paths are percent-encoded. Errors are problem documents (RFC 9457) with a stable `code`. Fields and events may be added: ignore unknown ones.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: schemas.all,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A configured token, or a minted one' },
        cookie: {
          type: 'apiKey',
          in: 'cookie',
          name: 'hearth',
          description: 'From POST /login; writes carry `x-csrf-token` too',
        },
      },
    },
  };
}

function operationOf(route: Route, schemas: SchemaBook): Operation {
  const { operation, tag, summary, description, scope, body, bodyIsOptional } = route;
  return {
    operationId: operation,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: scope === undefined ? [] : [{ token: [] }, { cookie: [] }],
    parameters: parametersOf(route, schemas),
    ...(body === undefined
      ? {}
      : { requestBody: { required: !bodyIsOptional, content: { 'application/json': { schema: schemas.of(body) } } } }),
    responses: { ...answersOf(route, schemas), ...problemsOf(errorsOf(route), schemas) },
  };
}

function parametersOf({ params, query, headers = {} }: Route, schemas: SchemaBook): Operation['parameters'] {
  const fields = (schema: z.ZodType | undefined, place: 'path' | 'query'): Operation['parameters'] => {
    const { properties = {}, required = [] } =
      schema === undefined ? {} : (schemas.of(schema) as { properties?: Record<string, Json>; required?: string[] });
    return Object.entries(properties).map(([name, { description, ...own }]) => ({
      name,
      in: place,
      required: required.includes(name),
      ...(typeof description === 'string' ? { description } : {}),
      schema: own,
    }));
  };
  const named = Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
  return [...fields(params, 'path'), ...fields(query, 'query'), ...named];
}

function answersOf(route: Route, schemas: SchemaBook): Operation['responses'] {
  const of = (documented: Documented[]): Operation['responses'][string] => {
    const content = documented.flatMap(({ schema, contentType = 'application/json' }) =>
      schema === undefined ? [] : [[contentType, { schema: schemas.of(schema) }] as const],
    );
    return {
      description: documented.map(({ description }) => description).join('. '),
      ...(content.length === 0 ? {} : { content: Object.fromEntries(content) }),
    };
  };
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, documented]) => [status, of([documented].flat())]),
  );
}

/** One response for each status, with the codes it can have. */
function problemsOf(codes: readonly ErrorCode[], schemas: SchemaBook): Operation['responses'] {
  const problem = { $ref: schemas.reference('Problem') };
  const responses: Operation['responses'] = {
    default: { description: 'Any other problem', content: { [problemType]: { schema: problem } } },
  };
  for (const status of new Set(codes.map((code) => statusOf[code]))) {
    const own = codes.filter((code) => statusOf[code] === status);
    const narrowed = { properties: { status: { const: status }, code: { enum: own } } };
    responses[status] = {
      description: own.map((code) => `\`${code}\`: ${errorCatalogue[code].title}`).join('. '),
      content: { [problemType]: { schema: { allOf: [problem, narrowed] } } },
    };
  }
  return responses;
}

/** JSON Schemas of zod schemas. Named ones are in `components`, once. */
class SchemaBook {
  readonly all: Record<string, Json> = {};
  private readonly names = z.registry<{ id: string }>();

  constructor() {
    for (const [id, schema] of Object.entries(namedSchemas)) this.names.add(schema, { id });
    for (const schema of Object.values(namedSchemas)) this.of(schema);
  }

  reference(name: keyof typeof namedSchemas): string {
    return `#/components/schemas/${name}`;
  }

  of(schema: z.ZodType): Json {
    const made = z.toJSONSchema(schema, { io: 'input', metadata: this.names, unrepresentable: 'any' });
    const { $defs = {}, ...rest } = moved(made) as Json & { $defs?: Record<string, Json> };
    for (const [name, definition] of Object.entries($defs)) this.define(movedName(name), bare(definition));
    const name = this.names.get(schema)?.id;
    if (name === undefined) return bare(rest);
    // A recursive schema is among the definitions already.
    if (rest['$ref'] === undefined) this.define(name, bare(rest));
    return { $ref: `#/components/schemas/${name}` };
  }

  private define(name: string, definition: Json): void {
    const known = this.all[name];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(definition))
      throw new TypeError(`two schemas of the document are called ${name}`);
    this.all[name] = definition;
  }
}

/** A schema as a part of the document, without its own name and dialect. */
function bare(schema: Json): Json {
  const { $schema: _dialect, id: _name, ...rest } = schema;
  return rest;
}

/** zod numbers recursive schemas without a name. Here that is only JSON itself. */
const movedName = (name: string): string => (name.startsWith('__schema') ? 'Json' : name);

function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      key,
      key === '$ref' && typeof part === 'string'
        ? part.replace(/^#\/\$defs\/(.+)$/, (_, name: string) => `#/components/schemas/${movedName(name)}`)
        : moved(part),
    ]),
  );
}
