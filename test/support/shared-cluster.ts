import type { Producer, Session } from '@hearth/producer';
import { startModelApi } from '@hearth/simulator';
import { afterAll, afterEach, beforeAll, inject, onTestFinished } from 'vitest';
import { Cluster, type WorkerSettings } from './cluster.js';
import type { LogLine, TestWorker } from './worker.js';

export interface SharedCluster {
  cluster: Cluster;
  worker: TestWorker;
  producer: Producer;
  /** A session that no other test uses. Closed after the test has passed, so that its slot is free again. */
  session: () => Session;
  /** Resolves with the first line about the session, past or future, that the worker logs with this event code. */
  logged: (session: Session, event: string) => Promise<LogLine>;
}

/** Enough that no session of a test is evicted for another one. */
const sharedSlots = 8;

/**
 * Starts one cluster with one worker for all tests of a file, or of a `describe`. A test that ends the worker, or counts
 * what it holds, starts its own with `withCluster`.
 */
export function shareCluster(settings: WorkerSettings = { claude: 'fake' }): () => SharedCluster {
  let cluster: Cluster | undefined;
  let shared: SharedCluster | undefined;
  let sessions = 0;
  let failed = false;
  beforeAll(async () => {
    cluster = new Cluster(inject('redisUrl'), await startModelApi());
    const worker = await cluster.worker({ slots: sharedSlots, ...settings });
    const producer = cluster.producer();
    // None of these ids begins with another one.
    const session = (): Session => {
      sessions += 1;
      const opened = producer.session(`s-${String(sessions).padStart(3, '0')}`);
      onTestFinished(async ({ task }) => {
        if (task.result?.state === 'pass') await opened.close();
      });
      return opened;
    };
    const logged = (of: Session, event: string): Promise<LogLine> =>
      worker.logged((line) => line.event === event && line['sessionId'] === of.sessionId);
    shared = { cluster, worker, producer, session, logged };
  });
  afterEach(({ task }) => {
    failed ||= task.result?.state === 'fail';
  });
  afterAll(() => cluster?.close(shared !== undefined && !failed));
  return () => {
    if (shared === undefined) throw new Error('the shared cluster starts before the first test');
    return shared;
  };
}
