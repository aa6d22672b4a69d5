import { ServerResponse } from 'node:http';
import type { SecurityHeaders } from '../baseline/index.js';

/** Node's private step that puts status line and headers together; `headers` in any of its three forms. */
interface HeaderWriter {
  _storeHeader(statusLine: string, headers: unknown): void;
}

const node = ServerResponse.prototype as unknown as HeaderWriter;

/** A response that bears the security headers, whoever writes it; what its handler has set itself wins. */
export abstract class SecureResponse extends ServerResponse {
  /** The client speaks TLS, to us or to a trusted proxy. */
  isSecure = false;
}

/**
 * For `ServerResponse` among the options of Node's server. The headers ride on the status line, as the
 * lines they are: to hand them over one by one costs three microseconds an answer, see ADR 8.
 */
export function createResponseClass(security: SecurityHeaders): typeof ServerResponse {
  class Response extends SecureResponse {
    _storeHeader(statusLine: string, headers: unknown): void {
      node._storeHeader.call(this, statusLine + linesFor(security, this.isSecure, headers), headers);
    }
  }
  return Response as unknown as typeof ServerResponse;
}

/** Objects have their names in lower case, from Fastify as from Node; a list of pairs comes from neither. */
function linesFor(security: SecurityHeaders, isSecure: boolean, headers: unknown): string {
  const fields = security.fields(isSecure);
  if (typeof headers === 'object') {
    for (const name in headers) if (fields.has(name)) return security.linesWithout(isSecure, headers);
  }
  return isSecure ? security.secureLines : security.plainLines;
}
