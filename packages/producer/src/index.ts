// The public surface of @hearth/producer: submit turns and follow them.
export {
  type ErrorCode,
  HearthError,
  type HearthEvent,
  type Message,
  type Metadata,
  type PermissionAnswer,
  type PermissionRequest,
  type Prompt,
  type QueueDepth,
  type SessionFilter,
  type SessionPage,
  type SessionState,
  type SessionSummary,
  type TurnRecord,
  type TurnResult,
  type WorkerRecord,
} from '@hearth/shared';
export { cutText } from '@hearth/shared/text';
export type { Interruption, InterruptOptions } from './interrupt.js';
export type { ProducerOptions } from './options.js';
export { createProducer, type Producer } from './producer.js';
export type { PromptOptions } from './prompt-options.js';
export type { ReaderEvent } from './reader/event-reader.js';
export type { RawLine } from './reader/raw-lines.js';
export type { Session } from './session.js';
export { type Cancellation, TurnFailedError, type TurnHandle } from './turn-handle.js';
export type { Warmed, WarmOptions } from './warm.js';
