import { context, propagation, trace, type TracerProvider } from '@opentelemetry/api';
import { W3CPropagator } from './propagator.js';
import type { Sampler } from './sampler.js';
import { ScopeManager } from './scope-manager.js';
import type { ExportCounts, SpanExporter } from './span-exporter.js';
import { Tracer } from './tracer.js';

const NO_COUNTS: ExportCounts = { exported: 0, droppedQueueFull: 0, droppedRefused: 0 };
const NOWHERE = { accept: () => {} };

/** The service's tracing: OpenTelemetry's provider, and what the chassis itself needs of it. */
export class Tracing implements TracerProvider {
  /** The chassis' own tracer. */
  readonly tracer: Tracer;
  readonly #tracers = new Map<string, Tracer>();

  constructor(
    readonly sampler: Sampler,
    /** Where spans go; `undefined` keeps ids and propagation and records nothing. */
    private readonly exporter: SpanExporter | undefined,
    scopeName: string,
  ) {
    this.tracer = this.getTracer(scopeName);
  }

  /** True when spans go anywhere. */
  get isRecording(): boolean {
    return this.exporter !== undefined;
  }

  /** Spans exported and dropped so far. */
  get counts(): Readonly<ExportCounts> {
    return this.exporter?.counts ?? NO_COUNTS;
  }

  getTracer(name: string, version?: string): Tracer {
    const key = `${name}@${version ?? ''}`;
    let tracer = this.#tracers.get(key);
    if (!tracer) {
      tracer = new Tracer(this.sampler, this.exporter?.sinkOf(name, version) ?? NOWHERE, this.isRecording);
      this.#tracers.set(key, tracer);
    }
    return tracer;
  }

  /** Makes this what OpenTelemetry's API uses, in place of whatever was before. */
  install(): void {
    context.disable();
    trace.disable();
    propagation.disable();
    context.setGlobalContextManager(new ScopeManager());
    trace.setGlobalTracerProvider(this);
    propagation.setGlobalPropagator(new W3CPropagator());
  }

  /** Sends what has not been sent, for at most `limitMs`, then stops. */
  async close(limitMs: number): Promise<void> {
    await this.exporter?.close(limitMs);
  }
}
