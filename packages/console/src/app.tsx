import { useCallback, useEffect, useState } from 'preact/hooks';
import { api, isConfined, type Me, Problem, problemBody, signedOut } from './api/client.js';
import { ClusterPage } from './cluster/cluster-page.js';
import { Flame } from './parts/flame.js';
import { ProblemNote } from './parts/problem-note.js';
import { clusterHref, useRoute } from './route.js';
import { SessionPage } from './session/session-page.js';
import { SignIn } from './sign-in.js';

type State =
  | { kind: 'asking' }
  | { kind: 'signed-out' }
  | { kind: 'unreachable'; problem: Problem['body'] }
  | { kind: 'ready'; me: Me };

export function App() {
  const [state, setState] = useState<State>({ kind: 'asking' });
  const ask = useCallback(async (): Promise<void> => {
    try {
      setState({ kind: 'ready', me: await api.me() });
    } catch (error) {
      const isSignedOut = error instanceof Problem && error.status === 401;
      setState(isSignedOut ? { kind: 'signed-out' } : { kind: 'unreachable', problem: problemBody(error) });
    }
  }, []);
  useEffect(() => void ask(), [ask]);
  useEffect(() => {
    const onSignedOut = (): void => setState({ kind: 'signed-out' });
    signedOut.addEventListener('signed-out', onSignedOut);
    return () => signedOut.removeEventListener('signed-out', onSignedOut);
  }, []);

  switch (state.kind) {
    case 'asking':
      return null;
    case 'signed-out':
      return <SignIn onSignedIn={() => void ask()} />;
    case 'unreachable':
      return (
        <main class="lonely">
          <ProblemNote body={state.problem} />
          <button type="button" onClick={() => void ask()}>
            Try again
          </button>
        </main>
      );
    case 'ready':
      return <House me={state.me} onSignedOut={() => setState({ kind: 'signed-out' })} />;
  }
}

function House({ me, onSignedOut }: { me: Me; onSignedOut: () => void }) {
  const route = useRoute(me.sessionId);
  const signOut = async (): Promise<void> => {
    await api.signOut().catch(() => undefined);
    onSignedOut();
  };
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <header class="top">
        <a class="brand" href={clusterHref}>
          <Flame /> Hearth
        </a>
        <nav aria-label="Hearth">
          <a href={clusterHref} aria-current={route.kind === 'cluster' ? 'page' : undefined}>
            Cluster
          </a>
          {!isConfined(me) && <a href="board">Bull Board</a>}
          <a href="docs">API</a>
        </nav>
        <span class="who">
          {me.scope !== 'admin' && <span class="chip">{me.scope}</span>}
          {me.prefix !== undefined && me.prefix !== '' && <span class="chip">{me.prefix}…</span>}
          {me.authentication && (
            <button type="button" class="quiet" onClick={() => void signOut()}>
              Sign out
            </button>
          )}
        </span>
      </header>
      <main id="main" tabIndex={-1}>
        {route.kind === 'cluster' ? (
          <ClusterPage me={me} />
        ) : (
          <SessionPage key={route.sessionId} me={me} sessionId={route.sessionId} />
        )}
      </main>
    </>
  );
}
