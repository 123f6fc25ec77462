import { style } from '../terminal/output.js';
import { type CommonOptions, type Context, withProducer } from './context.js';

/** `hearth close <session…>`: closes sessions. Exit code 1 when one did not exist. */
export async function close(sessionIds: readonly string[], options: CommonOptions, { out }: Context): Promise<number> {
  return withProducer(options, async (producer) => {
    let code = 0;
    for (const sessionId of sessionIds) {
      const closed = await producer.session(sessionId).close();
      out.value({ kind: 'closed', sessionId, closed });
      out.line(closed ? `closed ${sessionId}` : style.yellow(`there is no session ${sessionId}`));
      if (!closed) code = 1;
    }
    return code;
  });
}
