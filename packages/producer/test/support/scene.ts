import type { HearthEvent, TurnResult } from '@hearth/shared';
import { defaultStoreLimits, Keys, SessionStore, SessionWriter } from '@hearth/shared/internal';
import { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';
import { testPrefix } from '../../../../test/setup/prefix.js';
import { createProducer, type Producer, type ReaderEvent, type TurnHandle } from '../../src/index.js';
import type { ProducerOptions } from '../../src/options.js';

/** A producer, and the test as the worker: it claims and writes as a worker would. */
export class Scene {
  readonly prefix = testPrefix();
  readonly keys = new Keys({ keyPrefix: this.prefix, queuePrefix: `${this.prefix}-bull` });
  readonly redis = new Redis(inject('redisUrl'));
  readonly store = new SessionStore(this.redis, this.keys, defaultStoreLimits);
  private readonly producers: Producer[] = [];

  constructor() {
    onTestFinished(async () => {
      await Promise.all(this.producers.map((producer) => producer.close()));
      this.redis.disconnect();
    });
  }

  producer(options: ProducerOptions = {}): Producer {
    const { keyPrefix, queuePrefix } = this.keys.options;
    const producer = createProducer({ redisUrl: inject('redisUrl'), keyPrefix, queuePrefix, ...options });
    this.producers.push(producer);
    return producer;
  }

  /** Makes the test the owner of a turn's session. */
  async own(turn: TurnHandle): Promise<SessionWriter> {
    const claimed = await this.store.claim(turn.sessionId, seqOf(turn), { workerId: 'w-test', workerNumber: 1 });
    if (claimed.kind !== 'mine') throw new Error(`the claim answered ${claimed.kind}`);
    return new SessionWriter(this.store, turn.sessionId, claimed.claim);
  }

  async begin(writer: SessionWriter, turn: TurnHandle): Promise<void> {
    const { turnId } = turn;
    const seq = seqOf(turn);
    await writer.begin(seq, { type: 'turn.started', seq, turnId, attempt: 1, workerId: 'w-test' });
  }

  async commit(writer: SessionWriter, turn: TurnHandle, more: Partial<TurnResult> = {}): Promise<TurnResult> {
    const result = { ...finished(turn), ...more } as TurnResult;
    const { turnId } = turn;
    const seq = seqOf(turn);
    await writer.commit(seq, {
      result,
      messages: [{ messageId: 'm1', role: 'assistant', content: [{ type: 'text', text: result.text }] }],
      claudeSessionId: undefined,
      transcriptChunks: 0,
      note: '',
      event:
        result.status === 'finished'
          ? { type: 'turn.finished', seq, turnId, result }
          : { type: 'turn.failed', seq, turnId, error: result.error, result },
    });
    return result;
  }

  /** Appends an event without its publish, as if that was lost. */
  async appendUnheard(sessionId: string, event: HearthEvent): Promise<void> {
    const { session, events } = this.keys.session(sessionId);
    const id = await this.redis.hincrby(session, 'events', 1);
    await this.redis.xadd(events, `${id}-0`, 'e', JSON.stringify(event));
  }
}

export const delta = (seq: number, text: string): HearthEvent => ({ type: 'text.delta', seq, messageId: 'm1', text });

/** For a turn that is not delayed. */
function seqOf({ seq }: TurnHandle): number {
  if (seq === undefined) throw new TypeError('a delayed turn has no seq yet');
  return seq;
}

function finished(turn: TurnHandle): TurnResult {
  const { sessionId, turnId } = turn;
  return {
    status: 'finished',
    sessionId,
    turnId,
    seq: seqOf(turn),
    text: 'said',
    attempt: 1,
    costUsd: 0,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    workerId: 'w-test',
    durable: true,
    toolCount: 0,
    timings: { queuedMs: 0, toolsMs: 0, askedMs: 0, totalMs: 0 },
  };
}

export async function collect(turn: AsyncIterable<ReaderEvent>): Promise<ReaderEvent[]> {
  const events: ReaderEvent[] = [];
  for await (const event of turn) events.push(event);
  return events;
}

export const texts = (events: readonly ReaderEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'text.delta' ? event.text : []));

export const ids = (events: readonly ReaderEvent[]): number[] => events.map(({ id }) => Number(id.split('.')[1]));
