// The public surface of @hearth/producer: submit a turn, follow it.
export {
  type ErrorCode,
  HearthError,
  type HearthEvent,
  type Message,
  type Metadata,
  type Prompt,
  type SessionSummary,
  type TurnRecord,
  type TurnResult,
  type WorkerRecord,
} from '@hearth/shared';
export type { ProducerOptions } from './options.js';
export { createProducer, type Producer } from './producer.js';
export type { PromptOptions } from './prompt-options.js';
export type { ReaderEvent } from './reader/event-reader.js';
export type { RawLine } from './reader/raw-lines.js';
export type { Session } from './session.js';
export { type Cancellation, TurnFailedError, type TurnHandle } from './turn-handle.js';
