import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { Config } from '../config/index.js';
import type { ServerIdentity } from './check-pair.js';

/**
 * Forward secrecy and AEAD only. Source: Mozilla's "intermediate" configuration without finite-field Diffie-Hellman;
 * none of it is on HTTP/2's list of forbidden suites (RFC 9113, appendix A).
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

interface Beside {
  readonly passphrase: string | undefined;
  readonly ca: string | undefined;
  readonly crl: string | undefined;
}

/** What `tls.createSecureContext` and `setSecureContext` need for one certificate. */
export function contextOptions(
  config: Config,
  { chain, key }: ServerIdentity,
  { passphrase, ca, crl }: Beside,
): SecureContextOptions {
  return {
    cert: chain,
    key,
    minVersion: config.get('TLS_MIN_VERSION'),
    ciphers: config.get('TLS_CIPHERS') || CIPHERS,
    // A client that asks for a new handshake on an open TLS 1.2 connection makes the server work for nothing.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(passphrase !== undefined && { passphrase }),
    ...(ca !== undefined && { ca }),
    ...(crl !== undefined && { crl }),
  };
}
