import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { TracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { Sampler } from '../../src/chassis/tracing/sampler.js';
import { SpanExporter } from '../../src/chassis/tracing/span-exporter.js';
import { Tracing } from '../../src/chassis/tracing/tracing.js';
import { decodeSpans, type ReceivedSpan } from '../support/otlp-receiver.js';

const RESOURCE = { 'service.name': 'twin' };
const START = new Date('2026-01-02T03:04:05.678Z');
const END = new Date('2026-01-02T03:04:06.789Z');
const LINKED: SpanContext = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  traceFlags: TraceFlags.SAMPLED,
};

type Script = (tracer: Tracer) => Span;

const SCRIPTS: Readonly<Record<string, Script>> = {
  'a bare span': (tracer) => tracer.startSpan('bare', { startTime: START }),
  'every kind of attribute': (tracer) =>
    tracer.startSpan('attributes', {
      startTime: START,
      kind: SpanKind.CLIENT,
      attributes: {
        text: 'plain', long: 'x'.repeat(500), unicode: 'grüße 🎉', empty: '', yes: true, no: false, zero: 0, one: 1,
        negative: -5, large: Number.MAX_SAFE_INTEGER, fraction: 0.25, texts: ['a', 'b'], numbers: [1, 2.5], flags: [true, false],
      },
    }), // prettier-ignore
  'values of every other type': (tracer) => {
    const odd = {
      unset: undefined, none: null, count: 1n, tenant: { id: 1, of: { name: 'a' } }, bytes: Uint8Array.of(1, 255),
      list: [1, 'a', null, { b: true }], nothing: {}, kept: 'yes',
    } as never; // prettier-ignore
    return tracer
      .startSpan('odd', { startTime: START, attributes: odd })
      .setAttributes(odd)
      .setAttribute('kept', undefined);
  },
  'attributes set again': (tracer) =>
    tracer.startSpan('again', { startTime: START }).setAttribute('a', 1).setAttribute('a', 2),
  'events and links': (tracer) => {
    const span = tracer.startSpan('events', {
      startTime: START,
      links: [{ context: LINKED, attributes: { why: 'batch' } }],
    });
    span.addEvent('first', { step: 1 }, START);
    span.recordException(Object.assign(new Error('boom'), { stack: 'Error: boom\n    at somewhere' }), START);
    return span;
  },
  'an error status': (tracer) =>
    tracer.startSpan('failed', { startTime: START }).setStatus({ code: SpanStatusCode.ERROR, message: 'no' }),
  'a status that is final': (tracer) =>
    tracer
      .startSpan('fine', { startTime: START })
      .setStatus({ code: SpanStatusCode.OK })
      .setStatus({ code: SpanStatusCode.ERROR }),
  'another name': (tracer) => tracer.startSpan('before', { startTime: START }).updateName('after'),
  'more attributes than a span may have': (tracer) =>
    tracer.startSpan('many', {
      startTime: START,
      attributes: Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`key-${index}`, index])),
    }),
};

async function ours(script: Script): Promise<ReceivedSpan> {
  return only(await sentBy([script]));
}

async function sentBy(scripts: readonly Script[]): Promise<ReceivedSpan[]> {
  const sent: Buffer[] = [];
  const sender = {
    send: (parts: readonly Buffer[]) => {
      sent.push(Buffer.concat(parts));
      return Promise.resolve({ outcome: 'sent', rejectedSpans: 0 } as const);
    },
    close: () => {},
  };
  const options = {
    resource: RESOURCE,
    maxQueueSize: 10,
    maxBatchSize: 10,
    scheduleDelayMs: 1000,
    timeoutMs: 1000,
  };
  const exporter = new SpanExporter(sender, options, () => {});
  const tracer = new Tracing(new Sampler(1, true), exporter, 'chassis').getTracer('twin', '1.2');
  for (const script of scripts) script(tracer).end(END);
  await exporter.close(1000);
  return decodeSpans(Buffer.concat(sent));
}

function theirs(script: Script): ReceivedSpan {
  const memory = new InMemorySpanExporter();
  const provider = new TracerProvider({
    resource: resourceFromAttributes(RESOURCE),
    spanProcessors: [new SimpleSpanProcessor({ exporter: memory })],
  });
  script(provider.getTracer('twin', '1.2')).end(END);
  return only(
    decodeSpans(
      Buffer.from(ProtobufTraceSerializer.serializeRequest(memory.getFinishedSpans()) as Uint8Array),
    ),
  );
}

function only(spans: readonly ReceivedSpan[]): ReceivedSpan {
  expect(spans).toHaveLength(1);
  return spans[0] as ReceivedSpan;
}

/** Times are doubles of milliseconds in ours: they agree to the microsecond. */
function comparable({ traceId, spanId, start, end, ...rest }: ReceivedSpan) {
  return {
    ...rest,
    traceId: traceId.length,
    spanId: spanId.length,
    start: (start + 500n) / 1000n,
    end: (end + 500n) / 1000n,
  };
}

test.each(Object.entries(SCRIPTS))("%s looks as OpenTelemetry's SDK exports it", async (_name, script) => {
  expect(comparable(await ours(script))).toEqual(comparable(theirs(script)));
});

test('a span that cannot be written is left out; those beside it are whole', async () => {
  const good: Script = (tracer) => tracer.startSpan('good', { startTime: START, attributes: { at: 1 } });
  const bad: Script = (tracer) =>
    tracer.startSpan('bad', { startTime: START }).updateName(undefined as never);
  const spans = await sentBy([good, bad, good]);
  expect(spans.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
    { name: 'good', attributes: { at: 1 } },
    { name: 'good', attributes: { at: 1 } },
  ]);
});
