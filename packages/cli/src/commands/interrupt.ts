import { style } from '../terminal/output.js';
import { type CommonOptions, type Context, withProducer } from './context.js';

export interface InterruptCommandOptions extends CommonOptions {
  turnId?: string;
}

/** `hearth interrupt <session>`: stops a turn in band; its agent lives on. An idle session is no failure. */
export async function interrupt(
  sessionId: string,
  options: InterruptCommandOptions,
  { out }: Context,
): Promise<number> {
  return withProducer(options, async (producer) => {
    const outcome = await producer.session(sessionId).interrupt({ turnId: options.turnId });
    out.value({ sessionId, ...outcome });
    if (outcome.kind === 'idle') out.line(style.yellow(`no turn runs in session ${sessionId}`));
    else {
      const { seq, turnId } = outcome.result;
      const how = outcome.kind === 'interrupted' ? 'interrupted' : 'had ended before it could be stopped:';
      out.line(`${how} turn ${seq} (${turnId})`);
    }
    return 0;
  });
}
