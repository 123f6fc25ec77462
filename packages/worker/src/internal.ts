// Internals of @hearth/worker for `hearth doctor`, the benchmarks and the tests. No stable interface.
export { findClaude } from './agent/claude/binary.js';
export { ClaudeDriver } from './agent/claude/driver.js';
export type { Agent, AgentEvent } from './agent/driver.js';
export { readProfiles } from './options.js';
export { markedProcesses, workerMark } from './processes/marked.js';
