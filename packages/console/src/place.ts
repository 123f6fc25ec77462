import { useEffect, useState } from 'preact/hooks';

/** Which page is shown. In the fragment: the gateway serves one document. */
export type Place = { kind: 'cluster' } | { kind: 'session'; sessionId: string };

export const clusterHref = '#/';
export const sessionHref = (sessionId: string): string => `#/sessions/${encodeURIComponent(sessionId)}`;

function placeOf(hash: string, home: Place): Place {
  const encoded = /^#\/sessions\/(.+)$/.exec(hash)?.[1];
  if (encoded === undefined) return home;
  try {
    return { kind: 'session', sessionId: decodeURIComponent(encoded) };
  } catch {
    return home;
  }
}

/** @param only whoever looks may see this session alone */
export function usePlace(only: string | undefined): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = (): void => setHash(location.hash);
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, []);
  return placeOf(hash, only === undefined ? { kind: 'cluster' } : { kind: 'session', sessionId: only });
}
