import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Problem, problemBody } from '../api/client.js';

export interface Polled<T> {
  value: T | undefined;
  problem: Problem['body'] | undefined;
  /** Reads now. */
  refresh: () => void;
}

const everyMs = 2_000;
/** The pause between two reads is at least so many times as long as the last read, so that expensive lists are read less often. */
const restFactor = 10;

/** Reads again and again while the page is visible. `key`: what the result depends on. */
export function usePolled<T>(key: string, read: () => Promise<T>): Polled<T> {
  const [state, setState] = useState<{ key: string; value?: T; problem?: Problem['body'] }>({ key });
  const latest = useRef(read);
  latest.current = read;
  const wake = useRef<() => void>(() => undefined);

  useEffect(() => {
    let timer: number | undefined;
    let isOver = false;
    let isReading = false;
    const look = async (): Promise<void> => {
      if (isReading) return;
      isReading = true;
      window.clearTimeout(timer);
      const startedAt = performance.now();
      try {
        const value = await latest.current();
        if (!isOver) setState({ key, value });
      } catch (error) {
        if (!isOver) setState((before) => ({ ...before, key, problem: problemBody(error) }));
      }
      isReading = false;
      const tookMs = performance.now() - startedAt;
      if (!isOver && !document.hidden)
        timer = window.setTimeout(() => void look(), Math.max(everyMs, tookMs * restFactor));
    };
    const onVisible = (): void => {
      if (!document.hidden) void look();
    };
    wake.current = () => void look();
    document.addEventListener('visibilitychange', onVisible);
    void look();
    return () => {
      isOver = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [key]);

  const refresh = useCallback(() => wake.current(), []);
  // The result for another key is shown until the first answer comes, so that lists do not flicker.
  return { value: state.value, problem: state.problem, refresh };
}
