import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsMaterial } from './material.js';

interface Named {
  readonly context: SecureContext;
  readonly serves: (host: string) => boolean;
}

/** Picks a certificate by the host that a client asks for (SNI, RFC 6066, section 3). */
export class ServerNames {
  #named: readonly Named[] = [];

  use({ identities, options }: TlsMaterial): void {
    this.#named = identities.map(({ certificate }, index) => ({
      context: createSecureContext(options[index]),
      serves: (host) => certificate.checkHost(host) !== undefined,
    }));
  }

  /** `SNICallback` of a TLS server; without a context the server takes its default one. */
  readonly pick = (host: string, done: (error: Error | null, context?: SecureContext) => void): void => {
    done(null, this.#named.find(({ serves }) => serves(host))?.context);
  };
}
