import { randomUUID } from 'node:crypto';
import type { Producer, SessionSummary } from '@hearth/producer';
import { defaultProfile, describeError, HearthError } from '@hearth/shared';
import { NoCluster, Refusal } from './command-line.js';
import { type Invocation, noConversation } from './invocation.js';
import { lastSession } from './last-session.js';
import { type Launches, profileFor } from './profile-choice.js';
import type { Settings } from './settings.js';

/** The session that gets the prompts of a call. */
export interface ResolvedTarget {
  sessionId: string;
  /** Undefined: the session has one already, or gets the default. */
  profile: string | undefined;
  /** The profile that its agent is launched with. */
  launchedAs: string;
  kind: 'new' | 'known' | 'once';
}

const howToStart = ' · Start one: hearth worker (or everything at once: hearth up)';

/** Reads what the profiles of live workers launch. @throws NoCluster */
export async function liveLaunches(producer: Producer): Promise<Launches> {
  const workers = await producer.workers().catch((error: unknown) => {
    throw error instanceof HearthError ? new NoCluster(`Error: ${describeError(error.toJSON())}${howToStart}`) : error;
  });
  if (workers.length === 0) throw new NoCluster(`Error: no Hearth worker lives that could answer${howToStart}`);
  return Object.assign({}, ...workers.map(({ launches }) => launches)) as Launches;
}

/** Finds the session of a call. @throws Refusal in the CLI's words: in use, or unknown ({@link UnknownSession}) */
export async function resolveTarget(
  producer: Producer,
  { target, model }: Pick<Invocation, 'target' | 'model'>,
  launches: Launches,
  settings: Settings,
): Promise<ResolvedTarget> {
  const chosen = model === undefined ? settings.profile : profileFor(model, launches);
  const fresh = { profile: chosen, launchedAs: chosen ?? defaultProfile, kind: 'new' } as const;
  if (target.kind === 'once') return { ...fresh, sessionId: randomUUID(), kind: 'once' };
  const wanted = target.kind === 'continue' ? lastSession(settings.name) : target.id;
  const known = wanted === undefined ? undefined : await producer.session(wanted).summary();
  if (target.kind === 'new') {
    if (known !== undefined) throw inUse(known.sessionId);
    return { ...fresh, sessionId: target.id ?? randomUUID() };
  }
  if (known !== undefined) return goOn(known, model === undefined ? undefined : chosen);
  if (target.kind === 'resume') throw new UnknownSession(target.id);
  return { ...fresh, sessionId: randomUUID() };
}

/** The error of a session that should be resumed and does not exist. */
export class UnknownSession extends Refusal {
  override readonly name = 'UnknownSession';

  constructor(readonly sessionId: string) {
    super(noConversation(sessionId));
  }
}

function goOn({ sessionId, profile }: SessionSummary, asked: string | undefined): ResolvedTarget {
  if (asked === undefined || asked === profile)
    return { sessionId, profile: undefined, launchedAs: profile, kind: 'known' };
  throw new Refusal(
    `error: session ${sessionId} runs under the profile "${profile}", and --model asks for "${asked}": leave --model out, or begin a new session`,
  );
}

/** The CLI's message for a --session-id that exists. */
export const inUse = (sessionId: string): Refusal => new Refusal(`Error: Session ID ${sessionId} is already in use.`);
