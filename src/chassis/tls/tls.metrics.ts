/** Metrics of TLS; there are values only where TLS is on. */
export const HANDSHAKES = {
  name: 'tls_handshakes_total',
  type: 'counter',
  labels: ['protocol', 'alpn', 'result'],
  help: 'TLS handshakes on the public ports; those that failed have a reason as their result.',
} as const;

export const RELOADS = {
  name: 'tls_reloads_total',
  type: 'counter',
  labels: ['result'],
  help: 'Changes of the TLS files: ok is in use, failed was refused and the former one serves on.',
} as const;

export const EXPIRY = {
  name: 'tls_certificate_expiry_timestamp_seconds',
  type: 'gauge',
  labels: ['file'],
  help: 'When the certificate that is in use ends, in seconds since 1970.',
} as const;

/** For docs/metrics.md: a service without TLS does not register them. */
export const TLS_METRICS = [HANDSHAKES, RELOADS, EXPIRY] as const;
