import type { Code } from './code.js';

/** An error that says by canonical code how a call ended, of ours or of another service. */
export abstract class CodedError extends Error {
  abstract readonly code: Code;
  /** When trying again makes sense, in milliseconds, where that is known. */
  abstract readonly retryAfterMs?: number | undefined;
}
