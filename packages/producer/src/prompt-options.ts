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

/** BullMQ keeps delays in 53 bits with a counter beside them; ten years are enough. */
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
  /** The caller's idempotency key: a second submit under it returns the first turn. Default: a fresh one. */
  turnId?: string | undefined;
  /** Free data that comes back with the result; at most 16 KiB as JSON. */
  metadata?: Metadata | undefined;
  /** The session's profile; matters for its first turn, and must not differ later. */
  profile?: string | undefined;
  /** `retry`: run the turn again even when a tool that changes things had started before its agent was lost. @defaultValue `fail` */
  onInterrupted?: 'fail' | 'retry' | undefined;
  /** ms the turn may wait before it begins; then it fails with `expired`. Counted from when it is due. Default: for ever. */
  expiresIn?: number | undefined;
  /** ms until the turn is due. Before that it is not in its session's log: turns submitted meanwhile come first. @defaultValue 0 */
  delay?: number | undefined;
  /** Among sessions that wait for a worker: 1 (first) to 2,097,152, after all without one. Within a session order is that of submits. */
  priority?: number | undefined;
  /**
   * When turns of the session wait or run: `enqueue` waits in line; `reject` fails with `session_busy`; `interrupt` stops the turn that
   * runs and goes ahead of those that wait. @defaultValue `enqueue`
   */
  onBusy?: OnBusy | undefined;
}

/** @throws HearthError `invalid_turn_id` | `invalid_metadata` | `invalid_options` */
export function parsePromptOptions(options: PromptOptions): PromptOptions {
  const parsed = promptOptionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  const field = String(parsed.error.issues[0]?.path[0] ?? '');
  const code = field === 'turnId' ? 'invalid_turn_id' : field === 'metadata' ? 'invalid_metadata' : 'invalid_options';
  return parseInput(promptOptionsSchema as z.ZodType<PromptOptions>, options, code, 'options');
}
