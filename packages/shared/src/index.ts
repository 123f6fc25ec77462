// The public surface of @hearth/shared: errors, events, results and the schemas of what users send and get. What other packages
// of this repository use is in internal.ts.
export { type ErrorCode, errorCatalogue, errorCodes } from './errors/catalogue.js';
export {
  describeError,
  type ErrorBody,
  errorBodySchema,
  fromErrorBody,
  HearthError,
  toErrorBody,
} from './errors/hearth-error.js';
export type { QueueDepth } from './queue/ringer.js';
export { type Doorbell, doorbellSchema } from './schema/doorbell.js';
export {
  type Cursor,
  eventSchema,
  formatCursor,
  type HearthEvent,
  type HearthEventOf,
  parseCursor,
  type StreamExpired,
  type StreamedEvent,
} from './schema/events.js';
export type { LaunchDigest } from './schema/launch-digest.js';
export {
  type PermissionAnswer,
  type PermissionRequest,
  permissionAnswerSchema,
  permissionRequestSchema,
} from './schema/permission.js';
export { defaultProfile, type Profile, type Profiles, profileSchema, profilesSchema } from './schema/profile.js';
export {
  type ContentBlock,
  defaultPromptLimits,
  type Prompt,
  type PromptLimits,
  promptSchema,
} from './schema/prompt.js';
export {
  type Message,
  type Metadata,
  messageSchema,
  metadataSchema,
  type Notice,
  type OnBusy,
  onBusySchema,
  onInterruptedSchema,
  prioritySchema,
  type Tokens,
  type TurnRecord,
  type TurnRequest,
  type TurnResult,
  turnRequestSchema,
  turnResultSchema,
  type Warmth,
  warmthSchema,
} from './schema/turn.js';
export { type TurnJob, turnJobJsonSchema, turnJobSchema } from './schema/turn-job.js';
export { type AgentRecord, type WorkerRecord, workerRecordSchema } from './schema/worker-record.js';
export { checkSessionId, sessionIdSchema, turnIdSchema } from './session-id.js';
export {
  type SessionFilter,
  type SessionPage,
  type SessionState,
  type SessionSummary,
  sessionStates,
} from './store/session-view.js';
