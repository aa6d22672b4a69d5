import { ServerResponse, type OutgoingHttpHeaders } from 'node:http';
import type { SecurityHeaders } from '../baseline/index.js';

/** Node's private step that puts status line and headers together; `headers` in any of its three forms. */
interface HeaderWriter {
  _storeHeader(statusLine: string, headers: unknown): void;
}

/** The status line and what follows go out in one string: the security headers ride on it, see ADR 8. */
const { _storeHeader: storeHeader } = ServerResponse.prototype as unknown as HeaderWriter;

/** A response that bears the security headers, whoever writes it; what its handler has set itself wins. */
export abstract class SecureResponse extends ServerResponse {
  /** The client speaks TLS, to us or to a trusted proxy. */
  isSecure = false;
}

/** For `ServerResponse` among the options of Node's server. */
export function createResponseClass(security: SecurityHeaders): typeof ServerResponse {
  class Response extends SecureResponse {
    _storeHeader(statusLine: string, headers: unknown): void {
      const lines = this.isSecure ? security.secureLines : security.plainLines;
      const own = isReplacing(headers) ? this.#withoutOwn(headers) : lines;
      storeHeader.call(this as unknown as HeaderWriter, statusLine + own, headers);
    }

    #withoutOwn(headers: object): string {
      return security.linesWithout(this.isSecure, (name) => name in headers);
    }
  }
  return Response as unknown as typeof ServerResponse;
}

/** Each name is asked for by itself: that is quick, and hardly an answer has one. Lists of pairs have none of ours. */
function isReplacing(headers: unknown): headers is OutgoingHttpHeaders {
  if (typeof headers !== 'object' || headers === null) return false;
  const set = headers as OutgoingHttpHeaders;
  return (
    set['content-security-policy'] !== undefined ||
    set['cross-origin-resource-policy'] !== undefined ||
    set['cross-origin-opener-policy'] !== undefined ||
    set['origin-agent-cluster'] !== undefined ||
    set['referrer-policy'] !== undefined ||
    set['strict-transport-security'] !== undefined ||
    set['x-content-type-options'] !== undefined ||
    set['x-dns-prefetch-control'] !== undefined ||
    set['x-download-options'] !== undefined ||
    set['x-frame-options'] !== undefined ||
    set['x-permitted-cross-domain-policies'] !== undefined ||
    set['x-xss-protection'] !== undefined
  );
}
