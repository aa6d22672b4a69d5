import {
  context as activeContext,
  isSpanContextValid,
  SpanKind,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer as ApiTracer,
} from '@opentelemetry/api';
import { newSpanId, newTraceId, OwnSpanContext, traceOf } from '../context/index.js';
import { RecordingSpan, toMs, type SpanSink } from './recording-span.js';
import type { Sampler } from './sampler.js';

/**
 * Makes the spans of one instrumentation scope: by OpenTelemetry's API for users' code, by
 * `startServerSpan` and `startChild` for the chassis' own hot paths.
 */
export class Tracer implements ApiTracer {
  constructor(
    readonly sampler: Sampler,
    private readonly sink: SpanSink,
    /** False where spans go nowhere: then only their ids and the decision to sample go on. */
    private readonly isRecording = true,
  ) {}

  startSpan(name: string, options: SpanOptions = {}, context: Context = activeContext.active()): Span {
    const parent = options.root === true ? undefined : trace.getSpanContext(context);
    const validParent = parent && isSpanContextValid(parent) ? parent : undefined;
    const span = this.#start(
      name,
      options.kind ?? SpanKind.INTERNAL,
      validParent,
      options.startTime === undefined ? undefined : toMs(options.startTime),
    );
    if (options.attributes) span.setAttributes(options.attributes);
    if (options.links) span.addLinks(options.links);
    return span;
  }

  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    ...rest: [F] | [SpanOptions, F] | [SpanOptions, Context, F]
  ): ReturnType<F> {
    const work = rest.at(-1) as F;
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : {};
    const parent = rest.length > 2 ? (rest[1] as Context) : activeContext.active();
    const span = this.startSpan(name, options, parent);
    return activeContext.with(trace.setSpan(parent, span), () => work(span) as ReturnType<F>);
  }

  /** The span of a call that came in; continues the caller's trace when there is one. */
  startServerSpan(parent: SpanContext | undefined, startMs: number): Span {
    return this.#start('', SpanKind.SERVER, parent, startMs);
  }

  /** A span within `parent`, sampled as it is. */
  startChild(name: string, parent: RecordingSpan, kind = SpanKind.INTERNAL): RecordingSpan {
    const within = parent.spanContext();
    const context = new OwnSpanContext(traceOf(within), newSpanId(), within.traceFlags, within.traceState);
    return new RecordingSpan(name, kind, context, within, this.sink);
  }

  /** A span that was not sampled at the head and is recorded all the same, such as that of a failed call. */
  startAfterwards(context: SpanContext, parent: SpanContext | undefined, startMs: number): RecordingSpan {
    return new RecordingSpan(
      '',
      SpanKind.SERVER,
      { ...context, traceFlags: TraceFlags.SAMPLED },
      parent,
      this.sink,
      startMs,
    );
  }

  #start(name: string, kind: SpanKind, parent: SpanContext | undefined, startMs?: number): Span {
    const id = parent ? traceOf(parent) : newTraceId();
    const isSampled = this.sampler.isSampled(typeof id === 'string' ? id : id.digits, parent?.traceFlags);
    const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
    const context = new OwnSpanContext(id, newSpanId(), traceFlags, parent?.traceState);
    return isSampled && this.isRecording
      ? new RecordingSpan(name, kind, context, parent, this.sink, startMs)
      : trace.wrapSpanContext(context);
  }
}
