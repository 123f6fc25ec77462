-- Names for the keys every session script gets (packages/shared/src/keys.ts says what they hold).
-- K_TURN is a prefix: a turn's key is K_TURN .. seq, in the same slot by its hash tag.
local K_SESSION, K_LOG, K_TURN, K_TURNIDS, K_DONE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local K_EVENTS, K_TRANSCRIPT, K_CHANNEL, K_PENDING, K_SESSIONS = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local K_DEADLINES, K_PERMISSIONS, K_DELAYED = KEYS[11], KEYS[12], KEYS[13]
