// The public surface of @hearth/shared: the contract between producers, workers and whoever reads the queues.
export { Backoff } from './backoff.js';
export { type CloseOptions, type ClosingDeps, closeSession } from './closing/close-session.js';
export { environment, numberFrom } from './environment.js';
export { type ErrorCode, errorCatalogue, errorCodes } from './errors/catalogue.js';
export {
  describeError,
  type ErrorBody,
  errorBodySchema,
  fromErrorBody,
  HearthError,
  toErrorBody,
} from './errors/hearth-error.js';
export { parseInput } from './errors/parse.js';
export { turnGone } from './errors/turn-gone.js';
export { hearthHome, redisUrlFrom, removeUpRecord, runningUp, writeUpRecord } from './hearth-home.js';
export { intakeQueue, type KeyOptions, Keys, workerQueue } from './keys.js';
export { createLogger, createProcessLogger, type Logger, type LogLevel, logLevels } from './logging.js';
export { DelayedTurns } from './queue/delayed-turns.js';
export { type QueueDepth, Ringer } from './queue/ringer.js';
export { checkRedis, judgeRedis, type RedisFacts, readRedisFacts } from './redis/check.js';
export { connectFailingFast, connectWaiting, disconnectNow } from './redis/connect.js';
export { isRedisLost } from './redis/lost.js';
export { redisOptionsSchema } from './redis/options.js';
export { type Doorbell, doorbellJobOptions, doorbellSchema, turnDoorbell, warmDoorbell } from './schema/doorbell.js';
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
export { digestOf, type LaunchDigest, launchDigest } from './schema/launch-digest.js';
export {
  type PermissionAnswer,
  type PermissionRequest,
  permissionAnswerSchema,
  permissionRequestSchema,
} from './schema/permission.js';
export { defaultProfile, type Profile, type Profiles, profileSchema, profilesSchema } from './schema/profile.js';
export { cliFlags, type FieldFlag, fieldsWhere, flagNames } from './schema/profile-fields.js';
export {
  type ContentBlock,
  checkPrompt,
  contentBlockSchema,
  defaultPromptLimits,
  type Prompt,
  type PromptLimits,
  promptPreview,
  promptSchema,
} from './schema/prompt.js';
export {
  type Message,
  type Metadata,
  messageSchema,
  metadataSchema,
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
export { type TurnJob, turnJobJsonSchema, turnJobSchema, turnRequestOf } from './schema/turn-job.js';
export { type AgentRecord, agentRecordSchema, type WorkerRecord, workerRecordSchema } from './schema/worker-record.js';
export {
  checkSessionId,
  decodeSessionId,
  encodeSessionId,
  sessionFolder,
  sessionIdSchema,
  shardCount,
  shardOf,
  singleTurnSessionId,
  turnIdSchema,
} from './session-id.js';
export {
  type AnswerOutcome,
  ControlRequests,
  type InterruptOutcome,
  type Resolution,
  stoppedError,
} from './store/control-requests.js';
export { DelayedNotes } from './store/delayed-notes.js';
export { type EventsAfter, type NumberedEvent, parsePublished, readEventsAfter } from './store/event-log.js';
export { LeaseStore } from './store/lease-store.js';
export { defaultStoreLimits, type StoreLimits } from './store/limits.js';
export { type ReturnCode, returnCodes } from './store/return-codes.js';
export { formatRing, newRingId, parseRing, queueOfRing, type Ring } from './store/ring.js';
export { cancelledError, expiredError, SessionEndings, type Withdrawal } from './store/session-endings.js';
export {
  type Claim,
  type ClaimOutcome,
  type HeadTurn,
  SessionStore,
  type SubmitInput,
  type Submitted,
  type SweptSession,
} from './store/session-store.js';
export {
  passesFilter,
  type SessionFilter,
  type SessionPage,
  type SessionState,
  type SessionSummary,
  type SessionView,
  sessionStates,
} from './store/session-view.js';
export { type CommitInput, SessionWriter, type WriteOutcome } from './store/session-writer.js';
export { formatChunk, readTranscript, splitUtf8 } from './store/transcript.js';
export { parseWakeCall, type WakeCall } from './store/wake-call.js';
export { toolsThatChange } from './tools.js';
