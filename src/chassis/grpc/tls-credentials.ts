import { ServerCredentials } from '@grpc/grpc-js';
import type { ServerTls } from '../tls/index.js';

/**
 * grpc-js makes its server with these options. Its certificate providers (experimental) would keep no minimum
 * version, no ciphers of ours and no SNI; new certificates come through `ServerTls.guard`.
 */
export class TlsCredentials extends ServerCredentials {
  constructor(tls: ServerTls) {
    super(tls.serverOptions, tls.contextOptions);
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
