import { z } from 'zod';
import { durationMs, flag, integer, live, optionalHttpUrl, ratio } from './fields.js';

/** `key=value` pairs with commas between them, percent-encoded, as OpenTelemetry writes them. */
const pairs = () =>
  z
    .string()
    .regex(/^(\s*[^=,\s]+\s*=[^,]*(,|$))*$/, 'must be key=value pairs with commas between them')
    .refine((text) => decoded(text) !== undefined, 'must have %25 for a % of a value')
    .default('');

/** What both of the collector's protocols carry. */
const headers = () =>
  pairs()
    .refine((text) => text.split(',').every((pair) => /^\s*([\w.-]+\s*=|$)/.test(pair)), {
      error: 'must have names of letters, digits, "_", "." and "-"',
    })
    .refine((text) => /^[ -~]*$/.test(decoded(text) ?? ''), 'must have values of ASCII characters');

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/**
 * OpenTelemetry's standard variables, as its specification defines them, and the chassis' own for
 * traces. Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export const otelConfigShape = {
  OTEL_SDK_DISABLED: flag('false').describe('true = no spans; ids still propagate.'),
  OTEL_SERVICE_NAME: z.string().max(255).default('').describe('service.name of spans; empty = SERVICE_NAME.'),
  OTEL_RESOURCE_ATTRIBUTES: pairs().describe('Further attributes of the service, on every span.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: optionalHttpUrl().describe(
    'Collector; empty = no export. /v1/traces is added for HTTP.',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: optionalHttpUrl().describe(
    'Collector for traces alone, used as it is.',
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: z
    .enum(['http/protobuf', 'grpc'])
    .default('http/protobuf')
    .describe('How spans travel to the collector.'),
  OTEL_EXPORTER_OTLP_HEADERS: headers().describe('Headers for the collector, such as an authorization.'),
  OTEL_EXPORTER_OTLP_COMPRESSION: z
    .enum(['none', 'gzip'])
    .default('none')
    .describe('Compression of the requests.'),
  OTEL_EXPORTER_OTLP_TIMEOUT: durationMs()
    .default(10_000)
    .describe('Longest wait for the collector, in milliseconds.'),
  OTEL_EXPORTER_OTLP_CERTIFICATE: z.string().default('').describe("PEM file of the collector's authority."),
  OTEL_EXPORTER_OTLP_CLIENT_KEY: z.string().default('').describe('PEM file of the client key, for mTLS.'),
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: z
    .string()
    .default('')
    .describe('PEM file of the client certificate.'),
  OTEL_TRACES_SAMPLER: live(
    z.enum(SAMPLERS).default('parentbased_always_on').describe('Which traces are recorded.'),
  ),
  OTEL_TRACES_SAMPLER_ARG: live(ratio().default(1).describe('Share of traces for the ratio samplers.')),
  OTEL_BSP_MAX_QUEUE_SIZE: integer(1, 1_000_000)
    .default(16_384)
    .describe('Spans that wait for export at most.'),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: integer(1, 100_000).default(512).describe('Spans of one export request.'),
  OTEL_BSP_SCHEDULE_DELAY: durationMs()
    .default(5000)
    .describe('Longest wait of a span for its batch, in milliseconds.'),
  TRACES_KEEP_ERRORS: flag('true').describe(
    'Export the server span of a failed call although its trace was not sampled.',
  ),
  TRACES_SPANS: z
    .enum(['all', 'server'])
    .default('all')
    .describe('server = only spans of calls in and out, none of the methods in between.'),
  TRACES_EXCLUDE: z
    .string()
    .default('')
    .describe('Classes and methods without spans, such as OrdersService,AuthGuard.canActivate.'),
  SHUTDOWN_TELEMETRY_MS: durationMs(0).default(3000).describe('Time for sending the last spans at the end.'),
};

/** `undefined` when the percent-encoding is malformed. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
