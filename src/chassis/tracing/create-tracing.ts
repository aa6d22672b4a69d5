import type { Attributes } from '@opentelemetry/api';
import { hostname } from 'node:os';
import type { ChassisConfig, Config } from '../config/index.js';
import { openCollectorTls } from './collector-tls.js';
import { createGrpcSender, createHttpSender, type OtlpSender } from './otlp-sender.js';
import { Sampler } from './sampler.js';
import { SpanExporter } from './span-exporter.js';
import { Tracing } from './tracing.js';

/** The instrumentation scope of the chassis' own spans. */
export const SCOPE_NAME = 'chassis';

/**
 * Tracing as the configuration wants it. Without an endpoint nothing is recorded; ids are still made,
 * logged and propagated, with the caller's decision to sample.
 * @param onFault hears why the collector could not be reached, at most once for each attempt
 */
export function createTracing(config: Config, onFault: (cause: string) => void): Tracing {
  const sender = config.get('OTEL_SDK_DISABLED') === 'true' ? undefined : createSender(config);
  if (!sender) return new Tracing(new Sampler(0, true), undefined, SCOPE_NAME);
  const exporter = new SpanExporter(
    sender,
    {
      resource: resourceOf(config),
      maxQueueSize: config.get('OTEL_BSP_MAX_QUEUE_SIZE'),
      maxBatchSize: Math.min(
        config.get('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
        config.get('OTEL_BSP_MAX_QUEUE_SIZE'),
      ),
      scheduleDelayMs: config.get('OTEL_BSP_SCHEDULE_DELAY'),
      timeoutMs: config.get('OTEL_EXPORTER_OTLP_TIMEOUT'),
    },
    onFault,
  );
  const sampler = new Sampler(
    ...ruleOf(config.get('OTEL_TRACES_SAMPLER'), config.get('OTEL_TRACES_SAMPLER_ARG')),
  );
  config.onChange(['OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG'], ({ next }) => {
    [sampler.ratio, sampler.isParentBased] = ruleOf(next.OTEL_TRACES_SAMPLER, next.OTEL_TRACES_SAMPLER_ARG);
  });
  return new Tracing(sampler, exporter, SCOPE_NAME);
}

function createSender(config: Config): OtlpSender | undefined {
  const isGrpc = config.get('OTEL_EXPORTER_OTLP_PROTOCOL') === 'grpc';
  const own = config.get('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const common = config.get('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (!own && !common) return undefined;
  const url = new URL(own || common);
  if (!own && !isGrpc) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  const options = {
    url,
    headers: parsePairs(config.get('OTEL_EXPORTER_OTLP_HEADERS')),
    compress: config.get('OTEL_EXPORTER_OTLP_COMPRESSION') === 'gzip',
    tls: url.protocol === 'https:' ? openCollectorTls(config) : undefined,
  };
  return isGrpc ? createGrpcSender(options) : createHttpSender(options);
}

function ruleOf(
  name: ChassisConfig['OTEL_TRACES_SAMPLER'],
  share: number,
): [ratio: number, isParentBased: boolean] {
  const isParentBased = name.startsWith('parentbased_');
  if (name.endsWith('always_on')) return [1, isParentBased];
  return [name.endsWith('always_off') ? 0 : share, isParentBased];
}

/** Source: semantic conventions for resources; what the user sets wins. */
function resourceOf(config: Config): Attributes {
  return {
    'service.name': config.get('OTEL_SERVICE_NAME') || config.get('SERVICE_NAME'),
    'service.version': config.get('SERVICE_VERSION'),
    'service.instance.id': `${hostname()}-${process.pid}`,
    'deployment.environment.name': config.get('APP_ENV'),
    'telemetry.sdk.name': SCOPE_NAME,
    'telemetry.sdk.language': 'nodejs',
    'process.pid': process.pid,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    'host.name': hostname(),
    ...parsePairs(config.get('OTEL_RESOURCE_ATTRIBUTES')),
  };
}

function parsePairs(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => {
    const equals = pair.indexOf('=');
    return equals < 1
      ? []
      : [[pair.slice(0, equals).trim(), decodeURIComponent(pair.slice(equals + 1).trim())]];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}
