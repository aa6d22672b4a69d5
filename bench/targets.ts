/** Who is measured: the chassis and its peers, all serving the same items. */

/** What a target must do for each call, so that nobody is fast by doing less. */
export interface Duties {
  /** Answers 401 without a good token. */
  readonly authenticates?: boolean;
  /** Writes a log line with the trace id. */
  readonly logs?: boolean;
  /** Exports this many spans at least. */
  readonly spans?: number;
  /** Name of the histogram that gets one sample with the call's route or method. */
  readonly histogram?: string;
}

export interface TargetSpec {
  /** Short, unique; also the service's name. */
  readonly name: string;
  readonly title: string;
  readonly transports: readonly ('http' | 'grpc')[];
  /** Compiled program under `bench/`. */
  readonly program: string;
  /** Modules loaded before it. */
  readonly imports?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly duties: Duties;
  /** Serves `/metrics`. @default 'PORT' */
  readonly metricsOn?: 'PORT' | 'MANAGEMENT_PORT';
}

const peer = (file: string): string => `peers/dist/peers/src/${file}.js`;

/** No sample and no line is taken from a call that is not sampled: only its spans are fewer. */
const TELEMETRY: Duties = { logs: true, spans: 1, histogram: 'http_request_duration_seconds' };

const restPeers: readonly TargetSpec[] = [
  {
    name: 'node-http',
    title: 'raw node:http',
    transports: ['http'],
    program: peer('rest-node-http'),
    duties: {},
  },
  { name: 'fastify', title: 'bare Fastify', transports: ['http'], program: peer('rest-fastify'), duties: {} },
  {
    name: 'fastify-again',
    title: 'bare Fastify again (null test)',
    transports: ['http'],
    program: peer('rest-fastify'),
    duties: {},
  },
  {
    name: 'fastify-recipe',
    title: "Fastify's production recipe",
    transports: ['http'],
    program: peer('rest-fastify-recipe'),
    imports: [peer('otel-fastify')],
    duties: { ...TELEMETRY, authenticates: true, spans: 2 },
  },
  {
    name: 'fastify-recipe-tuned',
    title: "Fastify's production recipe, one span a call",
    transports: ['http'],
    program: peer('rest-fastify-recipe-tuned'),
    imports: [peer('otel-fastify-tuned')],
    duties: { ...TELEMETRY, authenticates: true },
  },
  {
    name: 'nest',
    title: 'bare NestJS on Fastify',
    transports: ['http'],
    program: peer('rest-nest'),
    duties: {},
  },
  {
    name: 'nest-recipe',
    title: 'NestJS standard recipe',
    transports: ['http'],
    program: peer('rest-nest-recipe'),
    imports: [peer('otel-auto')],
    duties: { ...TELEMETRY, authenticates: true },
  },
  {
    name: 'nest-recipe-tuned',
    title: 'NestJS standard recipe, tuned',
    transports: ['http'],
    program: peer('rest-nest-recipe-tuned'),
    imports: [peer('otel-http')],
    duties: { ...TELEMETRY, authenticates: true },
  },
];

const grpcPeers: readonly TargetSpec[] = [
  { name: 'grpc-js', title: 'bare grpc-js', transports: ['grpc'], program: peer('grpc-js'), duties: {} },
  {
    name: 'grpc-js-again',
    title: 'bare grpc-js again (null test)',
    transports: ['grpc'],
    program: peer('grpc-js'),
    duties: {},
  },
  {
    name: 'grpc-nest',
    title: 'bare Nest gRPC',
    transports: ['grpc'],
    program: peer('grpc-nest'),
    duties: {},
  },
  {
    name: 'grpc-nest-otel',
    title: 'Nest gRPC with OpenTelemetry gRPC instrumentation',
    transports: ['grpc'],
    program: peer('grpc-nest'),
    imports: [peer('otel-grpc')],
    duties: { spans: 1 },
  },
  {
    name: 'grpc-nest-recipe',
    title: 'Nest gRPC with the usual recipe (OpenTelemetry, nestjs-pino, Prometheus)',
    transports: ['grpc'],
    program: peer('grpc-nest-recipe'),
    imports: [peer('otel-grpc')],
    duties: { logs: true, spans: 1, histogram: 'rpc_server_duration_seconds' },
  },
];

/** The same program each time; only the environment differs. */
function chassis(
  name: string,
  title: string,
  spans: number,
  env: Readonly<Record<string, string>> = {},
  duties: Duties = {},
): TargetSpec {
  return {
    name,
    title,
    // Callers who keep the loop busy on purpose are no overload to be refused; it is watched all the same.
    // It ends at once: a process that is killed leaves no compiled code for the next start, which Node's own ending does.
    env: { LOAD_SHEDDING_DELAY_MS: '10000', SHUTDOWN_PROPAGATION_MS: '0', ...env },
    transports: ['http', 'grpc'],
    metricsOn: 'MANAGEMENT_PORT',
    program: 'dist/targets/chassis.js',
    duties: {
      logs: true,
      spans,
      histogram: '_server_(?:request|call)_duration_seconds',
      ...duties,
    },
  };
}

const SERVER_SPANS_ONLY = { TRACES_SPANS: 'server' };

/** Every call needs a token, and every caller has a bucket that no run empties. */
const GUARDED = {
  ...SERVER_SPANS_ONLY,
  // In production keys have to come by https.
  APP_ENV: 'staging',
  RATE_LIMIT_POLICIES: JSON.stringify([
    { name: 'callers', limit: 1_000_000, windowMs: 60_000, by: 'principal' },
  ]),
};

export const targets: readonly TargetSpec[] = [
  ...restPeers,
  ...grpcPeers,
  chassis('chassis', 'chassis, server span', 1, SERVER_SPANS_ONLY),
  chassis('chassis-guarded', 'chassis, server span, JWT and token bucket', 1, GUARDED, {
    authenticates: true,
  }),
  chassis('chassis-inner', 'chassis, three in-between spans', 4),
  chassis('chassis-sampled', 'chassis, three in-between spans, 10 % sampled', 0.35, {
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
  }),
];

/** Which targets take part in what; the first is the base, the second the same again for the null test. */
export const fields = {
  get: [
    'fastify',
    'fastify-again',
    'node-http',
    'fastify-recipe',
    'fastify-recipe-tuned',
    'nest',
    'nest-recipe',
    'nest-recipe-tuned',
    'chassis',
    'chassis-guarded',
    'chassis-inner',
    'chassis-sampled',
  ],
  post: ['fastify', 'fastify-again', 'node-http', 'nest', 'chassis'],
  grpc: [
    'grpc-js',
    'grpc-js-again',
    'grpc-nest',
    'grpc-nest-otel',
    'grpc-nest-recipe',
    'chassis',
    'chassis-guarded',
    'chassis-inner',
  ],
  latency: [
    'fastify',
    'fastify-again',
    'nest',
    'fastify-recipe-tuned',
    'chassis',
    'chassis-guarded',
    'chassis-inner',
  ],
  start: ['nest', 'fastify', 'fastify-recipe', 'nest-recipe', 'chassis'],
  alloc: [
    'fastify',
    'nest',
    'fastify-recipe-tuned',
    'nest-recipe',
    'chassis',
    'chassis-inner',
    'chassis-sampled',
  ],
  memory: ['fastify', 'nest', 'fastify-recipe', 'nest-recipe', 'chassis', 'chassis-inner'],
} as const satisfies Record<string, readonly string[]>;
