import { type CommonOptions, type Context, withProducer } from './context.js';

export interface WarmCommandOptions extends CommonOptions {
  profile?: string;
}

/** `hearth warm <session>`: starts the session's agent before its next prompt. */
export async function warm(sessionId: string, options: WarmCommandOptions, { out }: Context): Promise<number> {
  return withProducer(options, async (producer) => {
    const warmed = await producer.session(sessionId).warm({ profile: options.profile });
    out.value({ kind: 'warmed', sessionId, ...warmed });
    out.line(`session ${sessionId} is warm: ${warmed.warmth}, pid ${warmed.pid}, worker ${warmed.workerId}`);
    return 0;
  });
}
