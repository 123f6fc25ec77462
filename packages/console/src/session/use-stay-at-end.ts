import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/** So near the end of the page counts as at the end, px. */
const nearPx = 80;

/** Keeps the end of the page in sight while `changed` changes, unless one has scrolled away from it. */
export function useStayAtEnd(changed: unknown): void {
  const isAtEnd = useRef(true);
  useEffect(() => {
    const onScroll = (): void => {
      const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
      isAtEnd.current = scrollHeight - clientHeight - scrollTop < nearPx;
    };
    window.addEventListener('scroll', onScroll, { passive: true });
    return () => window.removeEventListener('scroll', onScroll);
  }, []);
  useLayoutEffect(() => {
    if (isAtEnd.current) window.scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' });
  }, [changed]);
}
