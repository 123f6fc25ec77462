// The public surface of @hearth/worker: one worker, and what `hearth doctor` needs to look at its surroundings.
export { type ClaudeBinary, findClaude } from './agent/claude/binary.js';
export { ClaudeDriver } from './agent/claude/driver.js';
export type { Agent, AgentDriver, AgentEvent, AgentExit, AgentResult, Answer, Launch, Past } from './agent/driver.js';
export { readProfiles, type WorkerOptions } from './options.js';
export { agentMark, markedProcesses, workerMark } from './processes/marked.js';
export { type StopReport, Worker } from './worker.js';
