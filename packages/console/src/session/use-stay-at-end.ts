import { useEffect } from 'preact/hooks';

/** Within so many pixels of the end of the page counts as at the end. */
const nearPx = 80;

/** Keeps the end of the page visible while the page grows, unless the person has scrolled away. */
export function useStayAtEnd(): void {
  useEffect(() => {
    const page = document.documentElement;
    let isAtEnd = true;
    const onScroll = (): void => {
      isAtEnd = page.scrollHeight - page.clientHeight - page.scrollTop < nearPx;
    };
    const observer = new ResizeObserver(() => {
      if (isAtEnd) window.scrollTo({ top: page.scrollHeight, behavior: 'instant' });
    });
    window.addEventListener('scroll', onScroll, { passive: true });
    observer.observe(document.body);
    return () => {
      window.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, []);
}
