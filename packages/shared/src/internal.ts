// Internals of @hearth/shared for the other packages of this repository and for the tests. No stable interface.
export { Backoff } from './backoff.js';
export { type ClosingDeps, closeSession } from './closing/close-session.js';
export { environment, numberFrom } from './environment.js';
export { parseInput } from './errors/parse.js';
export { cancelledError, expiredError, stoppedError, turnGone } from './errors/session-errors.js';
export { hearthHome, redisUrlFrom, removeUpRecord, runningUp, userHome, writeUpRecord } from './hearth-home.js';
export { folderError, folderFault, isFileError, prepareFolder } from './home-folder.js';
export { intakeQueue, Keys, workerQueue } from './keys.js';
export { createLogger, createProcessLogger, type Logger, logLevels } from './logging.js';
export { DelayedTurns } from './queue/delayed-turns.js';
export { ringAgain } from './queue/ring-again.js';
export { Ringer } from './queue/ringer.js';
export { checkRedis, judgeRedis, readRedisFacts } from './redis/check.js';
export { connectFailingFast, connectWaiting, disconnectNow } from './redis/connect.js';
export { isRedisLost } from './redis/lost.js';
export { redisOptionsSchema } from './redis/options.js';
export { doorbellJobOptions, turnDoorbell, warmDoorbell } from './schema/doorbell.js';
export { digestOf, launchDigest } from './schema/launch-digest.js';
export { cliFlags, type FieldFlag, fieldsWhere, flagNames } from './schema/profile.js';
export { checkPrompt, promptPreview } from './schema/prompt.js';
export { turnRequestOf } from './schema/turn-job.js';
export {
  decodeSessionId,
  encodeSessionId,
  sessionFolder,
  shardCount,
  shardOf,
  singleTurnSessionId,
} from './session-id.js';
export { ControlRequests, type Resolution } from './store/control-requests.js';
export { DelayedNotes } from './store/delayed-notes.js';
export { type NumberedEvent, parsePublished, readEventsAfter } from './store/event-log.js';
export { LeaseStore } from './store/lease-store.js';
export { defaultStoreLimits, type StoreLimits } from './store/limits.js';
export { formatRing, newRingId, parseRing, queueOfRing, type Ring } from './store/ring.js';
export { SessionLifecycle } from './store/session-lifecycle.js';
export {
  type Claim,
  type HeadTurn,
  SessionStore,
  type SubmitInput,
  type Submitted,
  type SweptSession,
} from './store/session-store.js';
export { matchesFilter } from './store/session-view.js';
export { type CommitInput, SessionWriter, type WriteOutcome } from './store/session-writer.js';
export { formatChunk, readTranscript, splitUtf8 } from './store/transcript.js';
export { unservedResult } from './store/unserved-result.js';
export { parseWakeCall } from './store/wake-call.js';
export { toolsThatChange } from './tools.js';
