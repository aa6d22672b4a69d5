import type { Attributes } from '@opentelemetry/api';
import { encodeAttributes } from './attribute-encoder.js';
import type { OtlpSender, SendResult } from './otlp-sender.js';
import { ProtobufWriter } from './protobuf-writer.js';
import type { RecordingSpan, SpanSink } from './recording-span.js';
import { encodeSpan } from './span-encoder.js';

export interface SpanExporterOptions {
  /** Attributes of the service, on every span. */
  readonly resource: Attributes;
  /** Spans that wait at most, in the batch being filled and in batches to be sent; beyond, new ones are dropped. */
  readonly maxQueueSize: number;
  /** Spans of one request. */
  readonly maxBatchSize: number;
  /** Longest wait of a span for its batch, in milliseconds. */
  readonly scheduleDelayMs: number;
  /** Longest wait for one answer of the collector, in milliseconds. */
  readonly timeoutMs: number;
}

/** Spans that were exported, and those that were not and why. */
export interface ExportCounts {
  exported: number;
  /** The queue was full: the collector is away or too slow. */
  droppedQueueFull: number;
  /** The collector refused them, or was away for too long; or they cannot be written. */
  droppedRefused: number;
}

interface Batch {
  readonly parts: readonly Buffer[];
  readonly spans: number;
}

const RESOURCE_SPANS = 1;
const RESOURCE = 1;
const RESOURCE_ATTRIBUTES = 1;
const SCOPE_SPANS = 2;
const SCOPE = 1;
const SCOPE_NAME = 1;
const SCOPE_VERSION = 2;
const SPANS = 2;
const INITIAL_BYTES = 64 * 1024;
const MAX_ATTEMPTS = 5;
const FIRST_BACK_OFF_MS = 500;
/** However long a collector asks for: one that says a day would have none of the day's spans. */
const MAX_PAUSE_MS = 60_000;

/**
 * Serializes each span the moment it ends, into the batch being filled, and sends full batches one after
 * the other: the work of exporting is spread over the calls and no burst of it ever holds up the event
 * loop. Never waits for the collector and never keeps more than `maxQueueSize` spans.
 */
export class SpanExporter {
  readonly counts: ExportCounts = { exported: 0, droppedQueueFull: 0, droppedRefused: 0 };
  readonly #resource: Buffer;
  readonly #scopes = new Map<string, ScopeSpans>();
  readonly #queue: Batch[] = [];
  #filling = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #isClosing = false;

  constructor(
    private readonly sender: OtlpSender,
    private readonly options: SpanExporterOptions,
    private readonly onFault: (cause: string) => void,
  ) {
    this.#resource = encodeResource(options.resource);
  }

  /** Where the spans of one instrumentation scope end. */
  sinkOf(name: string, version?: string): SpanSink {
    const key = `${name}@${version ?? ''}`;
    let scope = this.#scopes.get(key);
    if (!scope) {
      scope = new ScopeSpans(encodeScope(name, version), (span, into) => this.#accept(span, into));
      this.#scopes.set(key, scope);
    }
    return scope;
  }

  #accept(span: RecordingSpan, scope: ScopeSpans): void {
    if (this.#waiting >= this.options.maxQueueSize || this.#isClosing) {
      this.counts.droppedQueueFull += 1;
      return;
    }
    const begin = scope.writer.length;
    try {
      encodeSpan(scope.writer, SPANS, span);
    } catch (error) {
      // Half a span would take the batch with it, and its failure is not the call's.
      scope.writer.rewind(begin);
      this.counts.droppedRefused += 1;
      this.onFault(`a span cannot be written: ${String(error)}`);
      return;
    }
    this.#waiting += 1;
    this.#filling += 1;
    if (this.#filling >= this.options.maxBatchSize) this.#seal();
    else this.#timer ??= setTimeout(() => this.#seal(), this.options.scheduleDelayMs).unref();
  }

  /** Sends what waits; resolves when it is sent or `limitMs` has passed. */
  async flush(limitMs: number): Promise<void> {
    this.#seal();
    if (!this.#sending) return;
    let limit: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => (limit = setTimeout(resolve, limitMs)));
    await Promise.race([this.#sending, timeout]);
    clearTimeout(limit);
  }

  /** Sends what waits within `limitMs`, then stops; what is left is counted as dropped. */
  async close(limitMs: number): Promise<void> {
    this.#wake?.();
    await this.flush(limitMs);
    this.#isClosing = true;
    this.#wake?.();
    this.counts.droppedRefused += this.#waiting;
    this.#queue.length = 0;
    this.#waiting = 0;
    this.sender.close();
  }

  /** Closes the batch being filled and hands it to the sending loop. */
  #seal(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#filling === 0) return;
    this.#queue.push({ parts: this.#takeAll(), spans: this.#filling });
    this.#filling = 0;
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
  }

  /** The request, in parts: only lengths depend on its spans. */
  #takeAll(): Buffer[] {
    const parts = [this.#resource];
    for (const { head, writer } of this.#scopes.values()) {
      if (writer.length === 0) continue;
      parts.push(lengthPrefix(SCOPE_SPANS, head.length + writer.length), head, writer.take());
    }
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    return [lengthPrefix(RESOURCE_SPANS, length), ...parts];
  }

  async #sendAll(): Promise<void> {
    for (let batch = this.#queue[0]; batch && !this.#isClosing; batch = this.#queue[0]) {
      const exported = await this.#sendOne(batch);
      if (this.#isClosing) return;
      this.#queue.shift();
      this.#waiting -= batch.spans;
      this.counts.exported += exported;
      this.counts.droppedRefused += batch.spans - exported;
    }
  }

  /** How many spans the collector has taken. */
  async #sendOne({ parts, spans }: Batch): Promise<number> {
    for (let attempt = 1; !this.#isClosing; attempt++) {
      const result: SendResult = await this.sender.send(parts, this.options.timeoutMs);
      if (result.outcome === 'sent') {
        const rejected = Math.min(Math.max(0, result.rejectedSpans), spans);
        if (rejected > 0) this.onFault(`the collector rejected ${rejected} of ${spans} spans`);
        return spans - rejected;
      }
      this.onFault(result.cause);
      if (result.outcome === 'refused' || attempt === MAX_ATTEMPTS) return 0;
      const backOffMs = FIRST_BACK_OFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
      await this.#pause(Math.min(Math.max(backOffMs, result.afterMs ?? 0), MAX_PAUSE_MS));
    }
    return 0;
  }

  /** Waits, unless the end of the process is waiting for this. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms).unref();
      this.#wake = done;
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
    });
  }
}

/** The spans of one instrumentation scope in the batch being filled. */
class ScopeSpans implements SpanSink {
  readonly writer = new ProtobufWriter(INITIAL_BYTES);

  constructor(
    readonly head: Buffer,
    private readonly onSpan: (span: RecordingSpan, into: ScopeSpans) => void,
  ) {}

  accept(span: RecordingSpan): void {
    this.onSpan(span, this);
  }
}

function lengthPrefix(field: number, length: number): Buffer {
  const bytes = [(field << 3) | 2];
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

function encodeResource(attributes: Attributes): Buffer {
  const writer = new ProtobufWriter(1024);
  const begin = writer.begin(RESOURCE);
  encodeAttributes(writer, RESOURCE_ATTRIBUTES, attributes);
  writer.end(begin);
  return writer.take();
}

function encodeScope(name: string, version: string | undefined): Buffer {
  const writer = new ProtobufWriter(256);
  const begin = writer.begin(SCOPE);
  writer.string(SCOPE_NAME, name);
  if (version !== undefined) writer.string(SCOPE_VERSION, version);
  writer.end(begin);
  return writer.take();
}
