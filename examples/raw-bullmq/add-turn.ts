/**
 * A turn as a plain BullMQ job, with no library of Hearth: `node examples/dist/raw-bullmq/add-turn.js <session> <prompt> [delay in ms]`.
 * What any BullMQ client can do, in any language, a turn can have: a delay, a priority, a schedule. See docs/raw-jobs.md.
 */
import { Queue, QueueEvents } from 'bullmq';

const [sessionId, prompt = '', delay = '0'] = process.argv.slice(2);
const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' };
const prefix = process.env['HEARTH_QUEUE_PREFIX'] || 'bull';

const turns = new Queue('turns', { connection, prefix });
const events = new QueueEvents('turns', { connection, prefix });
await events.waitUntilReady();

// Its own retries are of no use here: failures of a turn are final, so that no tool runs twice by accident.
const job = await turns.add('turn', { sessionId, prompt }, { delay: Number(delay) });
process.stdout.write(`${JSON.stringify({ added: job.id })}\n`);
try {
  // The job is active until the turn is committed.
  process.stdout.write(`${JSON.stringify(await job.waitUntilFinished(events))}\n`);
} catch (error) {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
}
await Promise.all([events.close(), turns.close()]);
