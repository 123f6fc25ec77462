import { type DestinationStream, type Logger, pino, type SerializedError } from 'pino';
import { environment } from './environment.js';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Makes a logger that writes to stderr, because stdout is for data. Ids are fields (`sessionId`, `seq`, `workerId`, `pid`). Prompts and
 * answers appear only at level `trace`.
 */
export function createLogger(name: string, level: LogLevel = 'info', destination?: DestinationStream): Logger {
  const options = {
    name,
    level,
    base: { name },
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: Error) => withoutArguments(pino.stdSerializers.err(error)) },
  };
  return pino(options, destination ?? stderr());
}

/** How much of a log that cannot be written waits in memory, bytes. Later lines are dropped until it can be. */
const unwrittenAtMost = 1024 * 1024;

/** A log that cannot be written (a full disk) is no reason to end the process. */
function stderr(): DestinationStream {
  return pino.destination({ fd: 2, sync: true, maxLength: unwrittenAtMost }).on('error', () => undefined);
}

/** Makes the logger of a process, at the level of `HEARTH_LOG_LEVEL`. The options of the process reject an unknown level. */
export function createProcessLogger(name: string): Logger {
  const level = logLevels.find((known) => known === environment('HEARTH_LOG_LEVEL'));
  return createLogger(name, level);
}

/** Removes the arguments of failed Redis commands, because those of scripts contain prompts and answers. */
function withoutArguments(error: SerializedError): SerializedError {
  const { command, aggregateErrors } = error;
  if (typeof command === 'object' && command !== null) error['command'] = 'name' in command ? command.name : 'unknown';
  for (const [key, value] of Object.entries(error)) if (isSerializedError(value)) error[key] = withoutArguments(value);
  if (aggregateErrors !== undefined) error.aggregateErrors = aggregateErrors.map(withoutArguments);
  return error;
}

/** pino serializes nested errors before. */
const isSerializedError = (value: unknown): value is SerializedError =>
  typeof value === 'object' && value !== null && 'stack' in value && 'type' in value;
