import { HearthError } from '@hearth/shared';
import { environment, logLevels, numberFrom, parseInput, redisOptionsSchema } from '@hearth/shared/internal';
import { z } from 'zod';
import { readTokens, tokensSchema } from './auth/tokens.js';
import { isLoopback } from './loopback.js';

/** A list in a variable: separated by commas. */
const listFrom = (name: string): string[] | undefined =>
  environment(name)
    ?.split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** How many proxies stand before the gateway, or which. */
const trustProxyFrom = (): number | string[] | undefined => {
  const text = environment('HEARTH_TRUST_PROXY');
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : listFrom('HEARTH_TRUST_PROXY');
};

const origin = z
  .string()
  .refine((text) => URL.canParse(text) && new URL(text).origin === text, 'an origin: https://example.org');

/** The options of a gateway. Precedence: option, then environment variable, then default. */
const gatewayOptionsSchema = redisOptionsSchema.extend({
  /** Where it listens; not beyond this machine unless there are tokens. `HEARTH_GATEWAY_HOST`. */
  host: z
    .string()
    .min(1)
    .prefault(() => environment('HEARTH_GATEWAY_HOST') ?? '127.0.0.1'),
  /** 0: a free one. `HEARTH_GATEWAY_PORT`. */
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .prefault(() => numberFrom('HEARTH_GATEWAY_PORT') ?? 8080),
  /** Who may come in. `HEARTH_TOKENS`: path of a JSON file of them. Absent: whoever reaches it from this machine. */
  tokens: tokensSchema.optional(),
  /** Signs minted tokens and cookies; the same on every gateway. `HEARTH_TOKEN_SECRET`. @defaultValue made from the admin tokens that are not confined */
  tokenSecret: z
    .string()
    .min(32)
    .optional()
    .prefault(() => environment('HEARTH_TOKEN_SECRET')),
  /** Origins of other sites whose pages may use it, with a token. `HEARTH_CORS_ORIGINS`, separated by commas. */
  corsOrigins: z.array(origin).prefault(() => listFrom('HEARTH_CORS_ORIGINS') ?? []),
  /** Proxies before it whose `X-Forwarded-*` is believed: how many, or their addresses. `HEARTH_TRUST_PROXY`. */
  trustProxy: z
    .union([z.number().int().min(0).max(16), z.array(z.string().min(1))])
    .prefault(() => trustProxyFrom() ?? 0),
  /** Largest body of a request, bytes. `HEARTH_BODY_MAX_BYTES`. @defaultValue 25 MiB: a prompt of 20 MiB and what is around it */
  bodyMaxBytes: z
    .number()
    .int()
    .positive()
    .prefault(() => numberFrom('HEARTH_BODY_MAX_BYTES') ?? 25 * 1024 * 1024),
  /** ms of silence after which a stream says that it is there. `HEARTH_HEARTBEAT_MS`. @defaultValue 15 s: proxies wait 30 at least */
  heartbeatMs: z
    .number()
    .int()
    .positive()
    .prefault(() => numberFrom('HEARTH_HEARTBEAT_MS') ?? 15_000),
  /** ms that requests in hand may take when it is asked to stop. */
  drainDeadlineMs: z.number().int().min(0).default(10_000),
  /** Bull Board shows the first words of prompts; false: not even these. `HEARTH_BOARD_PREVIEWS`. */
  boardPreviews: z
    .union([z.boolean(), z.stringbool()], 'true or false')
    .prefault(() => environment('HEARTH_BOARD_PREVIEWS') ?? true),
  /** Turns that may wait in one session before `backlog_full`. @defaultValue that of the producer library */
  backlogLimit: z.number().int().min(1).optional(),
  /** `HEARTH_LOG_LEVEL`. @defaultValue `info` */
  logLevel: z.enum(logLevels).prefault(() => (environment('HEARTH_LOG_LEVEL') as (typeof logLevels)[number]) ?? 'info'),
});

export type GatewayOptions = z.input<typeof gatewayOptionsSchema>;
export type ResolvedGatewayOptions = z.output<typeof gatewayOptionsSchema>;

/** @throws HearthError `invalid_options` */
export function resolveGatewayOptions(options: GatewayOptions): ResolvedGatewayOptions {
  const schema = gatewayOptionsSchema as z.ZodType<ResolvedGatewayOptions>;
  const resolved = parseInput(schema, options, 'invalid_options', 'options');
  const file = environment('HEARTH_TOKENS');
  const tokens = resolved.tokens ?? (file === undefined ? undefined : readTokens(file));
  if (tokens === undefined && !isLoopback(resolved.host)) {
    throw new HearthError('invalid_options', `Without tokens the gateway does not listen on ${resolved.host}.`, {
      field: 'host',
      expected: 'a loopback address (127.0.0.1, ::1, localhost), or tokens',
      wayOut: 'Give tokens: HEARTH_TOKENS=<a JSON file of them>, see docs/gateway.md.',
    });
  }
  return { ...resolved, tokens };
}
