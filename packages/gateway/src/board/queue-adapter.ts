import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { turnJobJsonSchema } from '@hearth/shared';
import { intakeQueue } from '@hearth/shared/internal';
import type { Job, Queue } from 'bullmq';
import { JobView, sessionOf } from './job-view.js';

export interface QueueAdapterOptions {
  /** Whether to show the first words of prompts. */
  previews: boolean;
  /** Whether the caller may change nothing. */
  readOnly: boolean;
  /** The agent of a session, if known. */
  agentOf: (sessionId: string) => object | undefined;
}

/** A queue of doorbells in Bull Board. */
export class QueueAdapter extends BullMQAdapter {
  /** A completed job cannot be retried, because a turn has one result. A new prompt goes to its session instead. */
  override readonly allowCompletedRetries = false;
  private readonly view: JobView;

  constructor(queue: Queue, { previews, readOnly, agentOf }: QueueAdapterOptions) {
    super(queue, {
      readOnlyMode: readOnly,
      description:
        queue.name === intakeQueue
          ? 'doorbells of sessions without an owner'
          : 'doorbells of the sessions one worker owns',
      ...(queue.name === intakeQueue ? { jobDataSchema: turnJobJsonSchema() as Record<string, unknown> } : {}),
      externalJobUrl: (job) => {
        const sessionId = sessionOf(job);
        return {
          href: sessionId === undefined ? '/' : `/#/sessions/${encodeURIComponent(sessionId)}`,
          displayText: 'Session',
        };
      },
    });
    this.view = new JobView(previews, agentOf);
    this.setFormatter('data', (data: unknown) => this.view.data(data));
    this.setFormatter('name', (job) => this.view.name(job));
  }

  override async getJob(id: string): Promise<Job | undefined> {
    const job = await super.getJob(id);
    return job && this.withOutcome(job);
  }

  override async getJobs(...which: Parameters<BullMQAdapter['getJobs']>): Promise<Job[]> {
    return (await super.getJobs(...which)).map((job) => this.withOutcome(job));
  }

  private withOutcome(job: Job): Job {
    job.returnvalue ??= this.view.outcome(job) ?? null;
    return job;
  }

  /** Schedules contain whole prompts too. */
  override async getJobSchedulers(): ReturnType<BullMQAdapter['getJobSchedulers']> {
    const schedulers = await super.getJobSchedulers();
    return schedulers.map((scheduler) => {
      const { template } = scheduler;
      return template === undefined
        ? scheduler
        : { ...scheduler, template: { ...template, data: this.view.data(template.data) } };
    });
  }
}
