import { type DestinationStream, type Logger, pino, type SerializedError } from 'pino';
import { environment } from './environment.js';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * The logger of a process, on stderr: stdout belongs to data. Ids are fields (`sessionId`, `seq`, `workerId`, `pid`);
 * prompts and answers are never logged above `trace`.
 */
export function createLogger(name: string, level: LogLevel = 'info', destination?: DestinationStream): Logger {
  const options = {
    name,
    level,
    base: { name },
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: Error) => withoutArguments(pino.stdSerializers.err(error)) },
  };
  return pino(options, destination ?? pino.destination({ fd: 2, sync: true }));
}

/** The logger of a process, at the level of `HEARTH_LOG_LEVEL`; one there is none of is for whoever reads the options to refuse. */
export function createProcessLogger(name: string): Logger {
  const wanted = environment('HEARTH_LOG_LEVEL');
  return createLogger(
    name,
    logLevels.find((level) => level === wanted),
  );
}

/** Errors of Redis carry the command that failed: of ours that is a whole script, with prompts and answers among its arguments. */
function withoutArguments(error: SerializedError): SerializedError {
  const { command, aggregateErrors } = error;
  if (typeof command === 'object' && command !== null) error['command'] = 'name' in command ? command.name : 'unknown';
  for (const [key, value] of Object.entries(error)) if (isSerializedError(value)) error[key] = withoutArguments(value);
  if (aggregateErrors !== undefined) error.aggregateErrors = aggregateErrors.map(withoutArguments);
  return error;
}

/** pino has gone through errors within errors already. */
const isSerializedError = (value: unknown): value is SerializedError =>
  typeof value === 'object' && value !== null && 'stack' in value && 'type' in value;
