export { clientCertificateOf } from './client-certificate.js';
export { openTls } from './open-tls.js';
export type { ServerTls } from './server-tls.js';
export { TLS_METRICS } from './tls.metrics.js';
