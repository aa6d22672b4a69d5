import { z } from 'zod';
import { auditConfigShape } from './audit.schema.js';
import { authConfigShape } from './auth.schema.js';
import { baselineConfigShape } from './baseline.schema.js';
import { chaosConfigShape } from './chaos.schema.js';
import { durationMs, integer, live, optionalUrl, ratio } from './fields.js';
import { flagsConfigShape } from './flags.schema.js';
import { jobsConfigShape } from './jobs.schema.js';
import { loadSheddingConfigShape } from './load-shedding.schema.js';
import { middlewareConfigShape } from './middleware.schema.js';
import { otelConfigShape } from './otel.schema.js';
import { tlsConfigShape } from './tls.schema.js';
import { rateLimitConfigShape } from './rate-limit.schema.js';
import { resilienceConfigShape } from './resilience.schema.js';
import { redisConfigShape } from './redis.schema.js';
import { secretsConfigShape } from './secrets.schema.js';
import { sourcesConfigShape } from './sources.schema.js';

const MIB = 1024 * 1024;

const port = () => integer(0, 65_535);

/**
 * Every key the chassis reads, with its default. One flat vocabulary: the same names in the
 * environment, in `.env` and in `config/<profile>.yaml`.
 */
export const chassisConfigSchema = z.object({
  APP_ENV: z
    .enum(['development', 'test', 'staging', 'production'])
    .default('development')
    .describe('Profile: picks config/<profile>.yaml and the defaults that depend on it.'),
  SERVICE_NAME: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and "-", at most 63')
    .default('')
    .describe(
      'Name in logs, traces, metrics and error details; empty = the name of package.json, without its scope.',
    ),
  SERVICE_VERSION: z
    .string()
    .max(64)
    .default('')
    .describe('Version in logs and in /info; empty = the version of package.json.'),
  SERVICE_COMMIT: z.string().max(64).default('').describe('Commit the build was made from, shown in /info.'),
  LOG_LEVEL: live(
    z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('Lines below this level are not written.'),
  ),
  LOG_LEVELS: live(
    z
      .string()
      .regex(
        /^(\s*[^\s=,]{1,100}=(trace|debug|info|warn|error|fatal|silent)\s*(,|$))*$/,
        'must be context=level pairs with commas between them, such as OrdersService=debug,Database=warn',
      )
      .default('')
      .describe('Levels of single loggers, by their context: OrdersService=debug,Database=warn.'),
  ),
  LOG_FORMAT: z
    .enum(['auto', 'json', 'pretty'])
    .default('auto')
    .describe('auto = pretty in development, json elsewhere.'),
  LOG_CALL_SAMPLE_RATIO: live(
    ratio().default(1).describe('Share of successful calls that get their log line; failed ones always do.'),
  ),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address of the public ports.'),
  HTTP_PORT: port().default(3000).describe('REST; 0 = any free port.'),
  GRPC_PORT: port().default(50_051).describe('gRPC; 0 = any free port.'),
  MANAGEMENT_HOST: z.string().default('').describe('Address of the management port; empty = as HOST.'),
  MANAGEMENT_PORT: port().default(9464).describe('Health and administration; 0 = any free port.'),
  MANAGEMENT_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]*$/, 'must be visible ASCII characters')
    .default('')
    .describe('Bearer token for changes on the management port; empty = changes from this machine only.'),
  WORKERS: z
    .union([z.literal('auto'), integer(1, 1024)], { error: 'must be auto or a whole number from 1 to 1024' })
    .default(1)
    .describe('Processes that serve; 1 = this one alone, auto = one for each core.'),
  MAX_MESSAGE_BYTES: integer(1024, 512 * MIB)
    .default(4 * MIB)
    .describe('Largest request body or gRPC message.'),
  MAX_HEADER_BYTES: integer(1024, MIB)
    .default(16 * 1024)
    .describe('Largest header block of a request, gRPC metadata alike.'),
  MAX_DEADLINE_MS: durationMs()
    .default(30_000)
    .describe(
      'Longest time for a REST request, its streamed answer included, and a unary rpc; streams of gRPC have none.',
    ),
  HTTP_HEADERS_TIMEOUT_MS: durationMs(100)
    .default(10_000)
    .describe('Longest time for the headers of a request to arrive; then 408.'),
  HTTP_REQUEST_TIMEOUT_MS: durationMs(100)
    .default(20_000)
    .describe(
      'Longest time for a whole request to arrive; then 408. Below MAX_DEADLINE_MS, whose 504 is first otherwise.',
    ),
  HTTP_KEEP_ALIVE_TIMEOUT_MS: durationMs(100)
    .default(72_000)
    .describe(
      'An idle REST connection is closed after it. Longer than that of the load balancer, often 60 s.',
    ),
  GRPC_MAX_CONNECTION_IDLE_MS: durationMs(0)
    .default(0)
    .describe('A gRPC connection without calls is closed after it; 0 = never.'),
  GRPC_MAX_CONNECTION_AGE_MS: durationMs(0)
    .default(0)
    .describe('A gRPC connection takes no new calls after it, give or take a tenth; 0 = never.'),
  GRPC_KEEPALIVE_TIME_MS: durationMs(1000)
    .default(60_000)
    .describe('A gRPC connection is pinged this often.'),
  GRPC_KEEPALIVE_TIMEOUT_MS: durationMs(100)
    .default(20_000)
    .describe('… and closed when no answer comes in this time.'),
  DATABASE_URL: live(
    optionalUrl(/^postgres(ql)?$/, 'must be a postgres:// URL').describe(
      'PostgreSQL server; empty = embedded PostgreSQL under DATA_DIR.',
    ),
  ),
  DATABASE_POOL_MAX: live(
    integer(1, 1000).default(10).describe('Most connections to the PostgreSQL server.'),
  ),
  DATABASE_CONNECT_TIMEOUT_MS: live(durationMs().default(5000).describe('Longest wait for a connection.')),
  DATA_DIR: z.string().min(1).default('./data').describe('Folder of the embedded database.'),
  HEALTH_TIMEOUT_MS: durationMs().default(1000).describe('Longest time for one dependency check of /readyz.'),
  HEALTH_INTERVAL_MS: durationMs(10)
    .default(2000)
    .describe('Time between two checks of a dependency; probes are answered from the last one.'),
  HEALTH_EVENT_LOOP_LAG_MS: durationMs(50)
    .default(1000)
    .describe('/livez fails when the event loop is later than this …'),
  HEALTH_EVENT_LOOP_LAG_FOR_MS: durationMs(200)
    .default(10_000)
    .describe('… again and again for so long; one long turn is none.'),
  SHUTDOWN_WITHDRAW_MS: durationMs(0)
    .default(2000)
    .describe('Time for withdrawing what announces the instance, once a shutdown began.'),
  SHUTDOWN_PROPAGATION_MS: durationMs(0)
    .default(5000)
    .describe('Then it still serves for this time: until every load balancer has seen that it is not ready.'),
  SHUTDOWN_STREAMS_MS: durationMs(0)
    .default(2000)
    .describe('Then no call is accepted; streams that are open after this time are told to move.'),
  SHUTDOWN_GRACE_MS: durationMs(0)
    .default(10_000)
    .describe('Time for calls in flight, streams included; then they are cut.'),
  SHUTDOWN_DEPENDENCIES_MS: durationMs(0)
    .default(5000)
    .describe('Time for closing dependencies, after the last call.'),
  SHUTDOWN_LIMIT_MS: durationMs(0)
    .default(28_000)
    .describe('Time for the whole shutdown; below the grace period of whoever ends the process.'),
  DOCS_ENABLED: z
    .enum(['auto', 'true', 'false'])
    .default('auto')
    .describe('The documentation page /docs; auto = everywhere but in production.'),
  ...otelConfigShape,
  ...authConfigShape,
  ...auditConfigShape,
  ...tlsConfigShape,
  ...baselineConfigShape,
  ...redisConfigShape,
  ...rateLimitConfigShape,
  ...resilienceConfigShape,
  ...loadSheddingConfigShape,
  ...jobsConfigShape,
  ...chaosConfigShape,
  ...flagsConfigShape,
  ...secretsConfigShape,
  ...sourcesConfigShape,
  ...middlewareConfigShape,
});

/** The chassis' part of the configuration, validated. */
export type ChassisConfig = z.output<typeof chassisConfigSchema>;
