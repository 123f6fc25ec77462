import { fileURLToPath } from 'node:url';
import { type StackProcess, type StackProcessOptions, startStackProcess } from './stack-process.js';

export interface WorkerProcess extends StackProcess {
  workerId: string;
  workerNumber: number;
}

export const workerProgram = (): string => fileURLToPath(import.meta.resolve('@hearth/worker/main'));

/** Flags of the worker process that the command takes. */
export const workerArgs = ({ profiles, slots }: { profiles?: string; slots?: string }): string[] => [
  ...(profiles === undefined ? [] : ['--profiles', profiles]),
  ...(slots === undefined ? [] : ['--slots', slots]),
];

/** Starts a worker in a process of its own, and resolves when it serves. @throws HearthError when it does not start */
export async function startWorkerProcess({
  number,
  ...options
}: Omit<StackProcessOptions, 'name' | 'program'> & { number: number }): Promise<WorkerProcess> {
  const { said, ...worker } = await startStackProcess<{ workerId: string; workerNumber: number }>({
    ...options,
    name: `worker-${number}`,
    program: workerProgram(),
  });
  return { ...worker, workerId: said.workerId, workerNumber: said.workerNumber };
}
