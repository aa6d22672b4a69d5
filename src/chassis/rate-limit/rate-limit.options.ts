import type { ExecutionContext } from '@nestjs/common';
import type { CallContext } from '../context/index.js';

/**
 * Who shares a bucket:
 * - `all`: every call that the policy covers;
 * - `route`, `rpc`: every call of the same route or rpc;
 * - `principal`: every call of the same caller; callers who are not known count by their address;
 * - `api-key`: as `principal`, and other callers are not limited;
 * - `ip`: every call from the same address, of an IPv6 network (/64) together;
 * - `tenant`: every call of the same customer; calls without one are not limited.
 */
export type RateLimitKey = 'all' | 'route' | 'rpc' | 'principal' | 'api-key' | 'ip' | 'tenant';

/** A key of one's own; `undefined` for a call that is not limited. */
export type KeyOf = (call: CallContext, context: ExecutionContext) => string | undefined;

/** What a call costs in tokens: a whole number; 0 costs nothing. */
export type CostOf = (call: CallContext, context: ExecutionContext) => number;

/** A policy of `@RateLimit`. */
export interface RateLimitOptions {
  /**
   * In metrics, errors and headers. Policies of one name are one policy: what they limit shares its buckets.
   * @default the class or `Class.method`
   */
  readonly name?: string;
  /** Tokens that come in each window: 1 to 1,000,000,000. */
  readonly limit: number;
  /**
   * In milliseconds, a day at most.
   * @default 1000
   */
  readonly windowMs?: number;
  /**
   * Tokens that a bucket holds at most, 1 to 1,000,000,000: what may be called at once after a pause.
   * @default limit
   */
  readonly burst?: number;
  /** @default 'route' */
  readonly by?: RateLimitKey | KeyOf;
  /**
   * Tokens that a call takes: 1 to `burst`.
   * @default 1
   */
  readonly cost?: number | CostOf;
  /**
   * `message`: each message that a stream brings in takes tokens, not the call. A call that brings one
   * message, over REST or gRPC, is limited as by `call`.
   * @default 'call'
   */
  readonly per?: 'call' | 'message';
  /**
   * Messages only. `wait`: the next message is read when there are tokens for it, so that the client is held
   * back. `refuse`: the stream ends with RESOURCE_EXHAUSTED.
   * @default 'refuse'
   */
  readonly excess?: 'refuse' | 'wait';
}
