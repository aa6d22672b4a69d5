import { currentCall, REQUEST_ID_HEADER } from '../context/index.js';

/** What an outgoing call takes along from the call that it is made in. */
export interface OutgoingCall {
  /** Milliseconds that it may take: the client's own limit, or what is left of the call. */
  readonly limitMs: number;
  /** Of the call; `undefined` outside of calls. */
  readonly signal: AbortSignal | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Why the call was aborted, `undefined` while it is alive. */
  readonly abortReason: () => Error | undefined;
}

/** @throws the reason of a call that has been aborted */
export function outgoingCall(timeoutMs: number): OutgoingCall {
  const call = currentCall();
  call?.signal.throwIfAborted();
  return {
    limitMs: Math.max(1, Math.ceil(Math.min(timeoutMs, call?.remainingMs ?? Infinity))),
    signal: call?.signal,
    headers: call ? { [REQUEST_ID_HEADER]: call.requestId } : {},
    abortReason: () => call?.abortReason,
  };
}
