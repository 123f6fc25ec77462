import { randomUUID } from 'node:crypto';
import {
  checkPrompt,
  checkRedis,
  checkSessionId,
  connectFailingFast,
  connectWaiting,
  defaultStoreLimits,
  HearthError,
  Keys,
  LeaseStore,
  type Metadata,
  metadataSchema,
  newRingId,
  onInterruptedSchema,
  type Prompt,
  parseInput,
  promptPreview,
  Ringer,
  SessionStore,
  type SessionSummary,
  type Submitted,
  type TurnRequest,
  turnIdSchema,
  type WorkerRecord,
} from '@hearth/shared';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type ProducerOptions, type ResolvedProducerOptions, resolveProducerOptions } from './options.js';
import { Channels } from './reader/channels.js';
import { TurnHandle } from './turn-handle.js';

const promptOptionsSchema = z.strictObject({
  turnId: turnIdSchema.optional(),
  metadata: metadataSchema.optional(),
  profile: z.string().min(1).optional(),
  onInterrupted: onInterruptedSchema.optional(),
});

export interface PromptOptions {
  /** The caller's idempotency key: a second submit under it returns the first turn. Default: a fresh one. */
  turnId?: string | undefined;
  /** Free data that comes back with the result; at most 16 KiB as JSON. */
  metadata?: Metadata | undefined;
  /** The session's profile; matters for its first turn, and must not differ later. */
  profile?: string | undefined;
  /** `retry`: run the turn again even when a tool that changes things had started before its agent was lost. @defaultValue `fail` */
  onInterrupted?: 'fail' | 'retry' | undefined;
}

/** One session, by its name. Holds nothing: ask for it as often as you like. */
export class Session {
  constructor(
    private readonly producer: Producer,
    readonly sessionId: string,
  ) {}

  /**
   * Submits a turn. When this resolves the turn is accepted, and survives whatever Redis survives.
   * @throws HearthError `invalid_prompt` | `prompt_too_large` | `invalid_turn_id` | `invalid_metadata` | `invalid_options` |
   *   `profile_mismatch` | `backlog_full` | `redis_unreachable` | `redis_too_old` | `redis_evicting` | `closed`
   */
  async prompt(prompt: Prompt, options: PromptOptions = {}): Promise<TurnHandle> {
    return this.producer.submit(this.sessionId, prompt, options);
  }
}

type State = { kind: 'open' } | { kind: 'closed'; done: Promise<void> };

/** Submits turns and follows them. Owns two connections: one fails fast and carries commands, one waits and carries events. */
export class Producer {
  private readonly options: ResolvedProducerOptions;
  private readonly keys: Keys;
  private readonly redis: Redis;
  private readonly subscriber: Redis;
  private readonly store: SessionStore;
  private readonly leases: LeaseStore;
  private readonly ringer: Ringer;
  private readonly channels: Channels;
  private ready: Promise<void> | undefined;
  private state: State = { kind: 'open' };

  /** @throws HearthError `invalid_options` */
  constructor(options: ProducerOptions = {}) {
    this.options = resolveProducerOptions(options);
    this.keys = new Keys(this.options);
    this.redis = connectFailingFast(this.options.redisUrl, 'hearth-producer');
    this.subscriber = connectWaiting(this.options.redisUrl, 'hearth-reader', { autoResubscribe: false });
    // A connection's trouble is told to whoever calls; without a listener Node would throw it.
    for (const redis of [this.redis, this.subscriber]) redis.on('error', () => undefined);
    this.store = new SessionStore(this.redis, this.keys, {
      ...defaultStoreLimits,
      backlogLimit: this.options.backlogLimit,
    });
    this.leases = new LeaseStore(this.redis, this.keys);
    this.ringer = new Ringer(this.redis, this.keys);
    this.channels = new Channels(this.subscriber, this.keys);
  }

  /** A session by its name. @throws HearthError `invalid_session_id` */
  session(sessionId: string): Session {
    return new Session(this, checkSessionId(sessionId));
  }

  /** All known sessions, the last used first. @throws HearthError `redis_unreachable` */
  async sessions(): Promise<SessionSummary[]> {
    await this.connected();
    return this.store.sessions();
  }

  /** Live workers, by seat. @throws HearthError `redis_unreachable` */
  async workers(): Promise<WorkerRecord[]> {
    await this.connected();
    return this.leases.workers();
  }

  /** Closes the connections. Turns that were accepted go on. */
  async close(): Promise<void> {
    if (this.state.kind === 'open') this.state = { kind: 'closed', done: this.disconnect() };
    return this.state.done;
  }

  /** Used by {@link Session.prompt}. */
  async submit(sessionId: string, prompt: Prompt, options: PromptOptions): Promise<TurnHandle> {
    const { turnId: givenId, metadata, profile, onInterrupted } = parsePromptOptions(options);
    // Made before the first attempt, and named in errors: whoever retries with it submits the same turn.
    const turnId = givenId ?? `t-${randomUUID()}`;
    const request: TurnRequest = {
      prompt: checkPrompt(prompt, this.options),
      ...(metadata === undefined ? {} : { metadata }),
      onInterrupted: onInterrupted ?? 'fail',
    };
    await this.connected();
    this.channels.warm(sessionId);
    const submitted = await this.trySubmit(sessionId, turnId, request, profile);
    if (submitted.state !== 'committed') await this.ring(sessionId, turnId, submitted, request);
    const deps = { redis: this.redis, keys: this.keys, channels: this.channels, store: this.store };
    return new TurnHandle(deps, sessionId, turnId, submitted.seq, {
      incarnation: submitted.incarnation,
      id: submitted.cursor,
    });
  }

  private async trySubmit(
    sessionId: string,
    turnId: string,
    request: TurnRequest,
    profile: string | undefined,
  ): Promise<Submitted> {
    try {
      return await this.store.submit({ sessionId, turnId, request, profile, ringId: newRingId() });
    } catch (error) {
      if (error instanceof HearthError) throw error;
      throw new HearthError(
        'redis_unreachable',
        `Redis was lost while turn ${turnId} was submitted: it may or may not be accepted.`,
        {
          field: 'redisUrl',
          expected: 'a Redis that answers',
          wayOut: `Submit again with turnId ${JSON.stringify(turnId)}: that is the same turn, whichever is the case.`,
          cause: error,
        },
      );
    }
  }

  /** A ring that fails is not an error: the turn is accepted, and a worker's sweep rings it. */
  private async ring(sessionId: string, turnId: string, submitted: Submitted, request: TurnRequest): Promise<void> {
    const doorbell = {
      sessionId,
      turnId,
      seq: submitted.seq,
      profile: submitted.profile,
      preview: promptPreview(request.prompt),
    };
    await this.ringer.ring(submitted.ring, doorbell).catch(() => undefined);
  }

  private async connected(): Promise<void> {
    if (this.state.kind === 'closed')
      throw new HearthError('closed', 'The producer is closed.', { wayOut: 'Create another.' });
    this.ready ??= this.connect().catch((error: unknown) => {
      this.ready = undefined;
      throw error;
    });
    await this.ready;
    if (this.redis.status !== 'ready') await this.reconnected();
  }

  private async connect(): Promise<void> {
    await checkRedis(this.redis, this.options.connectTimeoutMs);
    const connecting = [this.redis, this.subscriber].filter(
      ({ status }) => status === 'wait' || status === 'end' || status === 'close',
    );
    await Promise.all(connecting.map((redis) => redis.connect().catch(() => undefined)));
  }

  /** ioredis reconnects by itself; wait for that, but not for long. */
  private async reconnected(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const ready = new Promise<true>((resolve) => this.redis.once('ready', () => resolve(true)));
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), this.options.connectTimeoutMs);
    });
    const came = await Promise.race([ready, late]);
    clearTimeout(timer);
    if (!came) await checkRedis(this.redis, this.options.connectTimeoutMs);
  }

  private async disconnect(): Promise<void> {
    this.channels.close();
    await this.ringer.close();
    this.redis.disconnect();
    this.subscriber.disconnect();
  }
}

function parsePromptOptions(options: PromptOptions): PromptOptions {
  const parsed = promptOptionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  const field = String(parsed.error.issues[0]?.path[0] ?? '');
  const code = field === 'turnId' ? 'invalid_turn_id' : field === 'metadata' ? 'invalid_metadata' : 'invalid_options';
  return parseInput(promptOptionsSchema as z.ZodType<PromptOptions>, options, code, 'options');
}

/** A producer: submits turns to sessions and follows them. Connects on first use. @throws HearthError `invalid_options` */
export function createProducer(options: ProducerOptions = {}): Producer {
  return new Producer(options);
}
