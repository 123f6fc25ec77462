// The public surface of @hearth/producer: submit a turn, follow it.
export {
  type ErrorCode,
  HearthError,
  type HearthEvent,
  type Message,
  type Metadata,
  type Prompt,
  type SessionSummary,
  type TurnResult,
  type WorkerRecord,
} from '@hearth/shared';
export type { ProducerOptions } from './options.js';
export { createProducer, type Producer, type PromptOptions, type Session } from './producer.js';
export type { ReaderEvent } from './reader/event-reader.js';
export { TurnFailedError, type TurnHandle } from './turn-handle.js';
