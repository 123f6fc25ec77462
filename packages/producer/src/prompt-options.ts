import {
  type Metadata,
  metadataSchema,
  type OnBusy,
  onBusySchema,
  onInterruptedSchema,
  prioritySchema,
  turnIdSchema,
} from '@hearth/shared';
import { parseInput } from '@hearth/shared/internal';
import { z } from 'zod';

/** BullMQ keeps delays in 53 bits together with a counter. Ten years are enough. */
const tenYearsMs = 10 * 365 * 24 * 3_600_000;

const promptOptionsSchema = z.strictObject({
  turnId: turnIdSchema.optional(),
  metadata: metadataSchema.optional(),
  profile: z.string().min(1).optional(),
  onInterrupted: onInterruptedSchema.optional(),
  expiresIn: z.number().int().positive().max(tenYearsMs).optional(),
  delay: z.number().int().nonnegative().max(tenYearsMs).optional(),
  priority: prioritySchema.optional(),
  onBusy: onBusySchema.optional(),
});

export interface PromptOptions {
  /** The caller's idempotency key: a second submit with it returns the first turn. Default: a new one. */
  turnId?: string | undefined;
  /** Free data that comes back with the result, at most 16 KiB as JSON. */
  metadata?: Metadata | undefined;
  /** The session's profile. The first turn decides it; later turns must not name another. */
  profile?: string | undefined;
  /** `retry`: run the turn again even when a tool that changes things had started before its agent was lost. @defaultValue `fail` */
  onInterrupted?: 'fail' | 'retry' | undefined;
  /** How long the turn may wait before it begins, ms, counted from when it is due. Then it fails with `expired`. Default: for ever. */
  expiresIn?: number | undefined;
  /** How long until the turn is due, ms. Before that it is not in the turn log, so turns submitted meanwhile come first. @defaultValue 0 */
  delay?: number | undefined;
  /** Order among sessions that wait for a worker: 1 (first) to 2,097,152. Sessions without a priority come before all. */
  priority?: number | undefined;
  /**
   * What to do when turns of the session wait or run. `enqueue` waits in line. `reject` fails with `session_busy`. `interrupt` stops the
   * running turn and goes before waiting ones. @defaultValue `enqueue`
   */
  onBusy?: OnBusy | undefined;
}

/** Checks the options of a prompt. @throws HearthError `invalid_turn_id` | `invalid_metadata` | `invalid_options` */
export function parsePromptOptions(options: PromptOptions): PromptOptions {
  const parsed = promptOptionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  const field = String(parsed.error.issues[0]?.path[0] ?? '');
  const code = field === 'turnId' ? 'invalid_turn_id' : field === 'metadata' ? 'invalid_metadata' : 'invalid_options';
  return parseInput(promptOptionsSchema as z.ZodType<PromptOptions>, options, code, 'options');
}
