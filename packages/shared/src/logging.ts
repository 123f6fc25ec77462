import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * The logger of a process, on stderr: stdout belongs to data. Ids are fields (`sessionId`, `seq`, `workerId`, `pid`);
 * prompts and answers are never logged above `trace`.
 */
export function createLogger(name: string, level: LogLevel = 'info', destination?: DestinationStream): Logger {
  const options = { name, level, base: { name }, formatters: { level: (label: string) => ({ level: label }) } };
  return pino(options, destination ?? pino.destination({ fd: 2, sync: true }));
}
