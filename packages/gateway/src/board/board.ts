import { createBullBoard } from '@bull-board/api';
import { ExpressAdapter } from '@bull-board/express';
import { type RequestHandler, type Response, Router } from 'express';
import type { BoardQueues } from './board-queues.js';
import { QueueAdapter } from './queue-adapter.js';

export interface BoardOptions {
  queues: BoardQueues;
  /** The path where it is mounted. */
  basePath: string;
  /** Whether to show the first words of prompts. Otherwise a job shows only its session and turn. */
  previews: boolean;
  /** Whether the caller may change anything. Access itself is decided before. */
  mayWrite: (response: Response) => boolean;
}

interface Face {
  /** Shows exactly these queues. */
  show: (queues: Awaited<ReturnType<BoardQueues['current']>>) => void;
  router: RequestHandler;
}

/** How often the page polls, seconds. */
const pollEverySeconds = 5;

/**
 * Bull Board over the present queues. Bull Board's read-only mode belongs to a queue, not to a caller, so there are two boards over the
 * same queues, and each request gets the one it may use.
 */
export function createBoard(options: BoardOptions): RequestHandler {
  const forReaders = face(options, true);
  const forWriters = face(options, false);
  const router = Router();
  // The shown data is not the whole data, so writing it back would lose the prompt.
  router.patch('/api/queues/:queueName/:jobId/update-data', (_request, response) => {
    response.status(405).json({ error: 'Job data is not edited here: what is shown of it is cut.' });
  });
  router.use(async (request, response, next) => {
    const { show, router: board } = options.mayWrite(response) ? forWriters : forReaders;
    show(await options.queues.current());
    board(request, response, next);
  });
  return router;
}

function face({ basePath, previews, queues: known }: BoardOptions, readOnly: boolean): Face {
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(basePath);
  const { replaceQueues } = createBullBoard({
    queues: [],
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: 'Hearth',
        boardLogo: { path: '' },
        miscLinks: [{ text: 'Console', url: '/' }],
        hideDocsLink: true,
        pollingInterval: { showSetting: true, forceInterval: pollEverySeconds },
        // Without this Bull Board runs one CLIENT LIST per queue and poll: 63 ms with 200 queues, 19 ms without.
        showWorkers: false,
        sortQueues: false,
      },
    },
  });
  const agentOf = (sessionId: string): object | undefined => known.agentOf(sessionId);
  const adapters = new WeakMap<object, QueueAdapter>();
  return {
    router: serverAdapter.getRouter() as RequestHandler,
    show: (queues) =>
      replaceQueues(
        queues.map((queue) => {
          const adapter = adapters.get(queue) ?? new QueueAdapter(queue, { previews, readOnly, agentOf });
          adapters.set(queue, adapter);
          return adapter;
        }),
      ),
  };
}
