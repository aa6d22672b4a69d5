import type { Http2SecureServer, Http2Server, Http2Session } from 'node:http2';
import { isMap } from 'node:util/types';
import { StreamTable } from './stream-table.js';

interface SessionState {
  streams: { readonly size: number };
}

/**
 * Replaces the `Map` in which Node keeps the open streams of each session of `server`. A `Map` with a
 * steady coming and going is rebuilt again and again, and V8 links each discarded table to its
 * successor; once one of them lies in old space, all that follow, with every stream in them, count as
 * alive in young collections and move to old space, too. A Node whose sessions look different keeps its own.
 */
export function keepStreamsYoung(server: Http2Server | Http2SecureServer): void {
  server.on('session', (session: Http2Session) => {
    const state = stateOf(session);
    // Node's own Maps have another prototype.
    if (state && isMap(state.streams) && state.streams.size === 0) state.streams = new StreamTable();
  });
}

/** Whether {@link keepStreamsYoung} has acted on `session`. */
export function hasStreamTable(session: Http2Session): boolean {
  return stateOf(session)?.streams instanceof StreamTable;
}

function stateOf(session: Http2Session): SessionState | undefined {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  return key && (session as unknown as Record<symbol, SessionState>)[key];
}
