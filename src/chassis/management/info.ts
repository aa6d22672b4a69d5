import { statSync } from 'node:fs';
import { isChaosAllowed, type ChassisConfig, type Config } from '../config/index.js';
import type { HealthService } from '../health/index.js';
import { isPageServed } from '../http/index.js';
import type { RateLimits } from '../rate-limit/index.js';

/** What the configuration switches on, by name; what is not here is always there. */
const CAPABILITIES: Readonly<Record<string, (keys: ChassisConfig) => boolean>> = {
  'api-documentation': isPageServed,
  'api-keys': (keys) => keys.AUTH_API_KEYS_FILE !== '',
  audit: (keys) => keys.AUDIT_SINK !== 'none',
  chaos: isChaosAllowed,
  consul: (keys) => keys.CONSUL_URL !== '' && keys.CONSUL_CONFIG_PREFIX !== '',
  cors: (keys) => keys.CORS_ORIGINS !== '',
  etcd: (keys) => keys.ETCD_ENDPOINTS !== '' && keys.ETCD_CONFIG_PREFIX !== '',
  jobs: (keys) => keys.JOBS_ENABLED === 'true',
  jwt: (keys) => keys.AUTH_JWKS_URL !== '' || keys.AUTH_HS256_SECRET !== '',
  'load-shedding': (keys) => keys.LOAD_SHEDDING === 'on',
  mtls: (keys) => keys.AUTH_MTLS !== 'off',
  plugins: (keys) => keys.PLUGINS_MANIFEST !== '',
  redis: (keys) => keys.REDIS_URL !== '',
  tls: (keys) => keys.TLS_CERT_FILE !== '',
  'trace-export': (keys) =>
    keys.OTEL_SDK_DISABLED === 'false' &&
    (keys.OTEL_EXPORTER_OTLP_ENDPOINT !== '' || keys.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT !== ''),
  workers: (keys) => keys.WORKERS !== 1,
};

/** `GET /info`: which build runs here, on what, since when, and what is switched on. */
export function describeService(config: Config, health: HealthService, rateLimits: RateLimits) {
  const { values } = config;
  const { node, v8, uv, openssl, nghttp2 } = process.versions;
  const enabled = Object.keys(CAPABILITIES).filter((name) => CAPABILITIES[name]?.(values));
  return {
    name: values.SERVICE_NAME,
    version: values.SERVICE_VERSION,
    commit: values.SERVICE_COMMIT || null,
    // The build has written this file.
    builtAt: statSync(import.meta.filename).mtime.toISOString(),
    env: values.APP_ENV,
    runtime: { node, v8, uv, openssl, nghttp2 },
    uptimeSeconds: Math.round(process.uptime()),
    pid: process.pid,
    capabilities: [...enabled, ...(rateLimits.isUsed ? ['rate-limits'] : [])].toSorted(),
    dependencies: health.dependencies,
  };
}
