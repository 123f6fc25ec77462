/**
 * A turn as a plain BullMQ job, without a library of Hearth: `node examples/dist/raw-bullmq/add-turn.js <session> <prompt> [delay in ms]`.
 * Delays, priorities and schedules work from any BullMQ client, in any language. See docs/raw-jobs.md.
 */
import { Queue, QueueEvents } from 'bullmq';

const [sessionId, prompt = '', delay = '0'] = process.argv.slice(2);
const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' };
const prefix = process.env['HEARTH_QUEUE_PREFIX'] || 'bull';

const turns = new Queue('turns', { connection, prefix });
const events = new QueueEvents('turns', { connection, prefix });
await events.waitUntilReady();

// BullMQ's retries are not used: a failed turn is final, so that no tool runs twice by accident.
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
