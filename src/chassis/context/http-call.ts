import type { ServerResponse } from 'node:http';
import { CallContext } from './call-context.js';

/** Stands for every path that no route matched, so that labels stay bounded. */
export const UNKNOWN_ROUTE = '(unknown)';

/** Stands for a method that Node does not know, or that could not be parsed. Source: OpenTelemetry, `http.request.method` */
export const UNKNOWN_METHOD = '_OTHER';

/** A REST call. */
export class HttpCall extends CallContext {
  readonly transport = 'http';
  /** Route template such as `/v1/orders/:id`; `UNKNOWN_ROUTE` when none matched. */
  route = UNKNOWN_ROUTE;
  /** Status of the answer; that of the call's code when it broke off, 499 where the client left. */
  status = 0;
  userAgent: string | undefined;
  /** The client speaks https, to this service or, as TRUSTED_PROXIES say, to the proxy before it. */
  isSecure = false;
  /** Host and port that the client asked for, as TRUSTED_PROXIES say or else as `host` does. */
  host: string | undefined;
  /** What the answer is written to, until the call has ended. */
  response: ServerResponse | undefined;

  constructor(
    requestId: string,
    /** `GET`, `POST` … */
    readonly method: string,
    /** Path with query, as it came. */
    readonly target: string,
  ) {
    super(requestId);
  }

  /** Sets a header of the answer, until it has begun; after that it does nothing. */
  override setAnswerHeader(name: string, value: string): void {
    if (this.response && !this.response.headersSent) this.response.setHeader(name, value);
  }
}
