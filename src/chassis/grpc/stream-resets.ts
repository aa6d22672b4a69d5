import { Logger } from '@nestjs/common';
import { constants, type Http2Session } from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { RefusedConnections } from '../baseline/index.js';
import type { Config } from '../config/index.js';

const ALLOWANCE = Symbol('chassis.stream-resets');
const logger = new Logger('GrpcServer');

/** What a connection may still reset, at a time of `performance.now()`. */
interface Allowance {
  left: number;
  at: number;
}

/**
 * Ends connections whose client opens streams and resets them at once ("rapid reset", CVE-2023-44487), or
 * makes the server reset them (CVE-2025-8671): neither counts as a stream under way, and each costs work.
 * Every connection has a token bucket of its own; cancelling now and then, as hedging clients do, is free.
 */
export class StreamResets {
  readonly #burst: number;
  readonly #ratePerMs: number;

  constructor(
    config: Config,
    private readonly refused: RefusedConnections,
  ) {
    this.#burst = config.get('GRPC_STREAM_RESET_BURST');
    this.#ratePerMs = config.get('GRPC_STREAM_RESET_RATE') / 1000;
  }

  /** One stream of the connection ended by a reset. */
  count(session: Http2Session | undefined): void {
    if (!session || session.destroyed) return;
    const known = session as Http2Session & { [ALLOWANCE]?: Allowance };
    const now = performance.now();
    const allowance = (known[ALLOWANCE] ??= { left: this.#burst, at: now });
    allowance.left = Math.min(this.#burst, allowance.left + (now - allowance.at) * this.#ratePerMs) - 1;
    allowance.at = now;
    if (allowance.left < 0) this.#end(session);
  }

  #end(session: Http2Session): void {
    this.refused.streamResets += 1;
    logger.warn({ client_ip: session.socket.remoteAddress }, 'connection ended: it reset too many streams');
    // `destroy` alone would say that nothing is wrong, or call it an error of the streams.
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();
  }
}
