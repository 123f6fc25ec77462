import type { HearthEvent, StreamExpired } from '@hearth/shared';
import { eventsUrl } from './client.js';

export interface EventsListener {
  /** The events of one frame, in order. */
  onEvents(events: readonly (HearthEvent | StreamExpired)[]): void;
  onConnection(isOpen: boolean): void;
}

/** Each type has its own listener. The compiler checks that none is missing. */
const eventTypes: Record<(HearthEvent | StreamExpired)['type'], true> = {
  'turn.queued': true,
  'turn.started': true,
  'turn.restarted': true,
  'text.delta': true,
  'thinking.delta': true,
  message: true,
  'tool.started': true,
  'tool.ended': true,
  'permission.requested': true,
  'permission.resolved': true,
  'turn.interrupting': true,
  retry: true,
  status: true,
  notice: true,
  'turn.finished': true,
  'turn.failed': true,
  'session.warmed': true,
  'session.warm_failed': true,
  'session.notice': true,
  'session.closed': true,
  'stream.expired': true,
};

/** A refused stream is tried again after this, ms. */
const againMs = 2_000;
/** How often events are passed on in a background page, which gets no frames, ms. */
const hiddenMs = 250;

/**
 * Follows a session's events from a cursor on. When the network is lost the browser comes back with Last-Event-ID. A refused stream is
 * opened again after the last event. Owns the connection and the events of the present frame.
 *
 * @returns a function that ends it
 */
export function followEvents(sessionId: string, after: string | undefined, listener: EventsListener): () => void {
  let last = after;
  let source: EventSource;
  let timer: number | undefined;
  let waiting: (HearthEvent | StreamExpired)[] = [];

  const handOn = (): void => {
    const events = waiting;
    waiting = [];
    listener.onEvents(events);
  };
  const take = ({ data, lastEventId }: MessageEvent<string>): void => {
    last = lastEventId || last;
    if (waiting.push(JSON.parse(data) as HearthEvent | StreamExpired) > 1) return;
    if (document.hidden) window.setTimeout(handOn, hiddenMs);
    else requestAnimationFrame(handOn);
  };
  const open = (): void => {
    source = new EventSource(eventsUrl(sessionId, last));
    source.onopen = () => listener.onConnection(true);
    for (const type of Object.keys(eventTypes)) source.addEventListener(type, take);
    source.onerror = () => {
      listener.onConnection(false);
      if (source.readyState === EventSource.CLOSED) timer = window.setTimeout(open, againMs);
    };
  };
  open();
  return () => {
    window.clearTimeout(timer);
    waiting = [];
    source.close();
  };
}
