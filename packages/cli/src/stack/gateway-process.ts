import { fileURLToPath } from 'node:url';
import { type StackProcess, type StackProcessOptions, startStackProcess } from './stack-process.js';

export interface GatewayProcess extends StackProcess {
  url: string;
}

/** Flags of the gateway process that the command takes. */
export interface GatewayFlags {
  port?: string;
  host?: string;
  tokens?: string;
}

export const gatewayProgram = (): string => fileURLToPath(import.meta.resolve('@hearth/gateway/main'));

export const gatewayArgs = ({ port, host, tokens }: GatewayFlags): string[] => [
  ...(port === undefined ? [] : ['--port', port]),
  ...(host === undefined ? [] : ['--host', host]),
  ...(tokens === undefined ? [] : ['--tokens', tokens]),
];

/** Starts the gateway in a process of its own, and resolves when it serves. @throws HearthError when it does not start */
export async function startGatewayProcess(
  options: Omit<StackProcessOptions, 'name' | 'program'>,
): Promise<GatewayProcess> {
  const { said, ...gateway } = await startStackProcess<{ url: string }>({
    ...options,
    name: 'gateway',
    program: gatewayProgram(),
  });
  return { ...gateway, url: said.url };
}
