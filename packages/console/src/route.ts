import { useEffect, useState } from 'preact/hooks';

/** The shown page. It is in the fragment, because the gateway serves one document. */
export type Route = { kind: 'cluster' } | { kind: 'session'; sessionId: string };

export const clusterHref = '#/';
export const sessionHref = (sessionId: string): string => `#/sessions/${encodeURIComponent(sessionId)}`;

function routeOf(hash: string, home: Route): Route {
  const encoded = /^#\/sessions\/(.+)$/.exec(hash)?.[1];
  if (encoded === undefined) return home;
  try {
    return { kind: 'session', sessionId: decodeURIComponent(encoded) };
  } catch {
    return home;
  }
}

/** @param only the only session that the person may see */
export function useRoute(only: string | undefined): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = (): void => setHash(location.hash);
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, []);
  return routeOf(hash, only === undefined ? { kind: 'cluster' } : { kind: 'session', sessionId: only });
}
