import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { intakeQueue, turnJobJsonSchema } from '@hearth/shared';
import type { Queue } from 'bullmq';
import { JobView, sessionOf } from './job-view.js';

export interface QueueAdapterOptions {
  /** Shows the first words of prompts. */
  previews: boolean;
  /** Nobody may change anything. */
  readOnly: boolean;
}

/** A queue of doorbells as Bull Board shows it. */
export class QueueAdapter extends BullMQAdapter {
  /** A turn has one result, ever: one that was answered is prompted again in its session, not here. */
  override readonly allowCompletedRetries = false;
  private readonly view: JobView;

  constructor(queue: Queue, { previews, readOnly }: QueueAdapterOptions) {
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
    this.view = new JobView(previews);
    this.setFormatter('data', (data: unknown) => this.view.data(data));
    this.setFormatter('name', (job) => this.view.name(job));
  }

  /** Schedules carry the whole prompt as well. */
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
