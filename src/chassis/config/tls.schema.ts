import { z } from 'zod';
import { durationMs, flag, integer } from './fields.js';

const file = () => z.string().default('');

/** TLS of both public ports; docs/tls.md. The management port stays plain. */
export const tlsConfigShape = {
  TLS_CERT_FILE: file().describe(
    'PEM file of the certificate and its intermediates; several with commas are chosen by SNI. Empty = no TLS.',
  ),
  TLS_KEY_FILE: file().describe('PEM file of the private key; one for each certificate, in their order.'),
  TLS_KEY_PASSPHRASE_FILE: file().describe('File with the passphrase of the private keys; empty = none.'),
  TLS_HTTP: flag('true').describe('false = the REST port stays plain.'),
  TLS_GRPC: flag('true').describe('false = the gRPC port stays plain.'),
  TLS_MIN_VERSION: z
    .enum(['TLSv1.2', 'TLSv1.3'])
    .default('TLSv1.2')
    .describe('The oldest protocol that is spoken.'),
  TLS_CIPHERS: z
    .string()
    .regex(/^[\w:+!@=.-]*$/, "must be a list as OpenSSL's ciphers command reads it")
    .default('')
    .describe('Cipher suites, as OpenSSL names them; empty = forward secrecy and AEAD only.'),
  TLS_CLIENT_AUTH: z
    .enum(['none', 'request', 'require'])
    .default('none')
    .describe('Client certificates; request = optional, but one that is shown must be valid.'),
  TLS_CLIENT_CA_FILE: file().describe('PEM file of the authorities that client certificates come from.'),
  TLS_CLIENT_CRL_FILE: file().describe(
    'PEM file of revocation lists, one of each authority; empty = no check.',
  ),
  TLS_HANDSHAKE_TIMEOUT_MS: durationMs(100)
    .default(10_000)
    .describe('Longest time for a TLS handshake; then the connection is closed.'),
  TLS_RELOAD_INTERVAL_MS: durationMs(100)
    .default(30_000)
    .describe('The files are read this often, besides whenever the system tells of a change.'),
  TLS_EXPIRY_WARNING_DAYS: integer(0, 3650)
    .default(14)
    .describe('A certificate with fewer days left is warned of, once a day.'),
};
