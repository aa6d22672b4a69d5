import type { Span, SpanContext } from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chassisConfigSchema, Config } from '../config/index.js';
import { GrpcCall, HttpCall, runInCall, UNKNOWN_RPC, type Call } from '../context/index.js';
import { ServiceError } from '../errors/index.js';
import { callFields, CallLineWriter } from './call-line.js';
import { createLogging } from './create-logging.js';

interface Line {
  readonly time: string;
}

const config = new Config(
  chassisConfigSchema.parse({ SERVICE_NAME: 'shop', SERVICE_VERSION: '1.2 "beta"', LOG_LEVEL: 'trace' }),
  new Map(),
);
const written: string[] = [];
const { logger, base } = createLogging(config, { write: (line) => written.push(line) });
const writer = new CallLineWriter(base);

/** The line as pino makes it and as we do. */
function bothWays(call: Call): readonly [pinos: Line, ours: Line] {
  runInCall(call, () => logger.warn(callFields(call), 'call'));
  const { bytes, length } = writer.write(call, 'warn');
  const ours = bytes.toString('utf8', 0, length);
  expect(ours.indexOf('\n')).toBe(ours.length - 1);
  return [JSON.parse(String(written.pop())) as Line, JSON.parse(ours) as Line];
}

function spanOf(traceFlags: number): Span {
  const context: SpanContext = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags,
  };
  return { spanContext: () => context } as Span;
}

function serviceError(reason: string): ServiceError {
  return new ServiceError({ code: 'ABORTED', reason, message: 'no' });
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '"',
    '\\',
    '\n',
    '\u0000',
    '\u2028\u2029',
    '\ud800',
    '\udc00x',
    'a\u007f',
    '😀',
    '</script>',
  ),
  fc.string({ unit: 'binary', minLength: 60 }),
);
const common = fc.record({
  requestId: text,
  method: text,
  target: text,
  reason: fc.option(text, { nil: undefined }),
  principal: fc.option(text, { nil: undefined }),
  clientIp: fc.option(text, { nil: undefined }),
  shed: fc.option(fc.constantFrom('event_loop', 'cpu'), { nil: undefined }),
  durationMs: fc.oneof(
    fc.double({ min: 0, max: 1e9, noNaN: true }),
    fc.constantFrom(0, 5, 1e-9, 0.9996, 99.9, 10_000, 2 ** 40),
  ),
  flags: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
});

describe('a call line is what pino makes of the same fields', () => {
  test('over REST', () => {
    fc.assert(
      fc.property(common, fc.integer({ min: 100, max: 599 }), (values, status) => {
        const call = new HttpCall(values.requestId, values.method, '/');
        Object.assign(call, { route: values.target, status });
        expectSame(call, values);
      }),
      { numRuns: 1000 },
    );
  });

  test('over gRPC', () => {
    fc.assert(
      fc.property(common, fc.boolean(), (values, isUnknown) => {
        const names = isUnknown
          ? ([UNKNOWN_RPC, UNKNOWN_RPC] as const)
          : ([values.target, values.method] as const);
        expectSame(new GrpcCall(values.requestId, ...names), values);
      }),
      { numRuns: 1000 },
    );
  });
});

type Values = typeof common extends fc.Arbitrary<infer T> ? T : never;

function expectSame(call: Call, { reason, flags, principal, clientIp, shed, durationMs }: Values): void {
  Object.assign(call, {
    principal: principal === undefined ? undefined : { id: principal },
    clientIp,
    durationMs,
    shed,
    priority: 'sheddable',
  });
  if (flags !== undefined) call.span = spanOf(flags);
  if (reason !== undefined) Object.assign(call, { code: 'ABORTED', error: serviceError(reason) });
  const [{ time, ...pinos }, { time: ownTime, ...ours }] = bothWays(call);
  expect(ours).toEqual(pinos);
  // Both clocks are read, one after the other.
  expect(Date.parse(ownTime) - Date.parse(time)).toBeLessThan(1000);
  expect(ownTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
}
