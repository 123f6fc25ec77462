import { HearthError } from '@hearth/shared';
import { environment, logLevels, numberFrom, parseInput, redisOptionsSchema } from '@hearth/shared/internal';
import { z } from 'zod';
import { readTokens, tokensSchema } from './auth/tokens.js';
import { isLoopback } from './loopback.js';

/** A list in a variable, separated by commas. */
const listFrom = (name: string): string[] | undefined =>
  environment(name)
    ?.split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** How many proxies are before the gateway, or their addresses. */
const trustProxyFrom = (): number | string[] | undefined => {
  const text = environment('HEARTH_TRUST_PROXY');
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : listFrom('HEARTH_TRUST_PROXY');
};

const origin = z
  .string()
  .refine((text) => URL.canParse(text) && new URL(text).origin === text, 'an origin: https://example.org');

/** The options of a gateway. Precedence: option, then environment variable, then default. */
const gatewayOptionsSchema = redisOptionsSchema.extend({
  /** The address to listen on. Beyond loopback only with tokens. `HEARTH_GATEWAY_HOST`. */
  host: z
    .string()
    .min(1)
    .prefault(() => environment('HEARTH_GATEWAY_HOST') ?? '127.0.0.1'),
  /** The port to listen on. 0: any free one. `HEARTH_GATEWAY_PORT`. */
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .prefault(() => numberFrom('HEARTH_GATEWAY_PORT') ?? 8080),
  /** The tokens. `HEARTH_TOKENS`: path of a JSON file with them. Absent: every caller on this machine may do everything. */
  tokens: tokensSchema.optional(),
  /** The secret that signs minted tokens and cookies, the same on every gateway. `HEARTH_TOKEN_SECRET`. @defaultValue made from the admin tokens that are not confined */
  tokenSecret: z
    .string()
    .min(32)
    .optional()
    .prefault(() => environment('HEARTH_TOKEN_SECRET')),
  /** Other origins whose pages may use the gateway, with a token. `HEARTH_CORS_ORIGINS`, separated by commas. */
  corsOrigins: z.array(origin).prefault(() => listFrom('HEARTH_CORS_ORIGINS') ?? []),
  /** The proxies whose `X-Forwarded-*` headers count: how many, or their addresses. `HEARTH_TRUST_PROXY`. */
  trustProxy: z
    .union([z.number().int().min(0).max(16), z.array(z.string().min(1))])
    .prefault(() => trustProxyFrom() ?? 0),
  /** The largest body of a request, bytes. `HEARTH_BODY_MAX_BYTES`. @defaultValue 25 MiB: a prompt of 20 MiB and its envelope */
  bodyMaxBytes: z
    .number()
    .int()
    .positive()
    .prefault(() => numberFrom('HEARTH_BODY_MAX_BYTES') ?? 25 * 1024 * 1024),
  /** How long a stream may be silent before a heartbeat, ms. `HEARTH_HEARTBEAT_MS`. @defaultValue 15 s, because proxies wait at least 30 s */
  heartbeatMs: z
    .number()
    .int()
    .positive()
    .prefault(() => numberFrom('HEARTH_HEARTBEAT_MS') ?? 15_000),
  /** How long open requests may take when the gateway stops, ms. */
  drainDeadlineMs: z.number().int().min(0).default(10_000),
  /** Whether Bull Board shows the first words of prompts. `HEARTH_BOARD_PREVIEWS`. */
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

/** Checks and completes the options. @throws HearthError `invalid_options` */
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
