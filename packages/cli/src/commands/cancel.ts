import { style } from '../terminal/output.js';
import { type CommonOptions, type Context, withProducer } from './context.js';

const words = {
  cancelled: 'cancelled',
  running: 'it was begun already, and continues; to stop it: hearth interrupt',
  ended: 'it has ended already',
};

/** `hearth cancel <session> <turnId>`: cancels a waiting turn. Exit code 1 when it did not wait any more. */
export async function cancel(
  sessionId: string,
  turnId: string,
  options: CommonOptions,
  { out }: Context,
): Promise<number> {
  return withProducer(options, async (producer) => {
    const outcome = await producer.session(sessionId).cancel(turnId);
    out.value({ kind: outcome, sessionId, turnId });
    out.line(outcome === 'cancelled' ? words.cancelled : style.yellow(words[outcome]));
    return outcome === 'cancelled' ? 0 : 1;
  });
}
