import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { Config } from '../config/index.js';
import { currentScope } from '../context/index.js';

const REDACTED_PATHS = [
  'authorization',
  'cookie',
  'password',
  'token',
  'secret',
  '*.authorization',
  '*.cookie',
  '*.password',
  '*.token',
  '*.secret',
  'headers["set-cookie"]',
  '*.headers["set-cookie"]',
  '*.headers.authorization',
  '*.headers.cookie',
];
const NO_FIELDS = {};

/**
 * The service's logger: one JSON object a line on standard output, readable lines in development.
 * Lines written inside a call bear its `request_id` and the ids of its trace and of the span at work.
 */
export function createLogger(config: Config): Logger {
  const env = config.get('APP_ENV');
  return pino(
    {
      level: config.get('LOG_LEVEL'),
      base: { service: config.get('SERVICE_NAME'), version: config.get('SERVICE_VERSION'), env },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
      mixin: scopeFields,
      // Pino's own strategy writes a line's fields into what `mixin` returned, and so into every later line.
      mixinMergeStrategy: (fields, callFields) => ({ ...callFields, ...fields }),
    },
    destinationOf(config),
  );
}

function scopeFields(): object {
  const scope = currentScope();
  if (!scope) return NO_FIELDS;
  const fields: Record<string, unknown> = {};
  if (scope.span) {
    const { traceId, spanId, traceFlags } = scope.span.spanContext();
    fields['trace_id'] = traceId;
    fields['span_id'] = spanId;
    fields['trace_flags'] = traceFlags === 1 ? '01' : '00';
  }
  if (scope.call) fields['request_id'] = scope.call.requestId;
  return fields;
}

function destinationOf(config: Config): DestinationStream {
  const format = config.get('LOG_FORMAT');
  const isPretty = format === 'pretty' || (format === 'auto' && config.get('APP_ENV') === 'development');
  if (!isPretty) return pino.destination(1);
  return PinoPretty({
    ignore: 'service,version,env',
    translateTime: 'SYS:HH:MM:ss.l',
    destination: pino.destination({ dest: 1, sync: true }),
  });
}
