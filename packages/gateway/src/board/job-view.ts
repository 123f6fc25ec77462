import { doorbellSchema, type Prompt, turnJobSchema } from '@hearth/shared';
import { promptPreview } from '@hearth/shared/internal';

const redacted = '(hidden)';

/** The fields of a BullMQ job that are read. */
interface JobData {
  data?: unknown;
}
interface JobInTime extends JobData {
  progress?: unknown;
  processedOn?: number | undefined;
  processedBy?: string | undefined;
  finishedOn?: number | undefined;
}

/**
 * What Bull Board shows of a job: the first words of the prompt, never all of it. With `previews` off not even these. The field is called
 * `preview`, so that a copy of the shown data cannot be submitted as a turn by mistake.
 */
export class JobView {
  constructor(
    private readonly previews: boolean,
    private readonly agentOf: (sessionId: string) => object | undefined,
  ) {}

  /** The job's data. */
  data(data: unknown): object {
    const doorbell = doorbellSchema.safeParse(data);
    if (doorbell.success) return { ...doorbell.data, preview: this.preview(doorbell.data.preview) };
    const fields = typeof data === 'object' && data !== null ? data : {};
    // A raw job, valid or not.
    const { prompt, ...rest } = fields as { prompt?: Prompt };
    const isPrompt = turnJobSchema.shape.prompt.safeParse(prompt).success;
    return { ...rest, preview: this.preview(isPrompt ? promptPreview(prompt as Prompt) : '') };
  }

  /** The name of the job: the session, and the turn when it has one. */
  name(job: JobData): string {
    const sessionId = sessionOf(job);
    if (sessionId === undefined) return 'turn without a session';
    const doorbell = doorbellSchema.safeParse(job.data);
    if (!doorbell.success) return sessionId;
    return doorbell.data.seq === 0 ? `${sessionId} · warm` : `${sessionId} · turn ${doorbell.data.seq}`;
  }

  /** What is known of a turn whose job has no return value: who serves it, or for a failed one the worker's summary. */
  outcome(job: JobInTime): object | undefined {
    if (job.processedOn === undefined) return undefined;
    if (job.finishedOn !== undefined)
      return typeof job.progress === 'object' && job.progress ? job.progress : undefined;
    const sessionId = sessionOf(job);
    return (sessionId === undefined ? undefined : this.agentOf(sessionId)) ?? { workerId: job.processedBy };
  }

  private preview(text: string): string {
    return this.previews ? text : redacted;
  }
}

/** The session of a job. */
export function sessionOf({ data }: JobData): string | undefined {
  const { sessionId } = (typeof data === 'object' && data !== null ? data : {}) as { sessionId?: unknown };
  return typeof sessionId === 'string' ? sessionId : undefined;
}
