import {
  SpanKind,
  SpanStatusCode,
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanStatus,
  type TimeInput,
} from '@opentelemetry/api';
import { performance } from 'node:perf_hooks';
import type { Call } from '../context/index.js';

/** Limits of OpenTelemetry's specification: what comes beyond is counted and left out. */
const MAX_ATTRIBUTES = 128;
const MAX_EVENTS = 128;
const MAX_LINKS = 128;

export interface SpanEvent {
  readonly name: string;
  readonly timeMs: number;
  readonly attributes: Attributes | undefined;
}

/** Takes spans that have ended. */
export interface SpanSink {
  accept(span: RecordingSpan): void;
}

/** A sampled span of one call or operation, behind OpenTelemetry's public API. */
export class RecordingSpan implements Span {
  /** The call that a server span stands for: it has its name and most of its attributes. */
  call: Call | undefined;
  /** Pairs of key and value, one after the other: cheaper than an object for the few that a span has. */
  attributes: AttributeValue[] | undefined;
  events: SpanEvent[] | undefined;
  links: Link[] | undefined;
  status: SpanStatus | undefined;
  droppedAttributes = 0;
  droppedEvents = 0;
  droppedLinks = 0;
  endMs = 0;
  readonly #context: SpanContext;

  constructor(
    public name: string,
    readonly kind: SpanKind,
    context: SpanContext,
    readonly parent: SpanContext | undefined,
    private readonly sink: SpanSink,
    readonly startMs: number = nowMs(),
  ) {
    this.#context = context;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return this.endMs === 0;
  }

  setAttribute(key: string, value: AttributeValue): this {
    // What the types of its caller have let through, such as a field that is not set.
    if (this.endMs !== 0 || value === undefined) return this;
    const pairs = (this.attributes ??= []);
    for (let index = 0; index < pairs.length; index += 2) {
      if (pairs[index] !== key) continue;
      pairs[index + 1] = value;
      return this;
    }
    if (pairs.length < MAX_ATTRIBUTES * 2) pairs.push(key, value);
    else this.droppedAttributes += 1;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes) {
      const value = attributes[key];
      if (value !== undefined) this.setAttribute(key, value);
    }
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.endMs !== 0) return this;
    const isTime = isTimeInput(attributesOrTime);
    const attributes = isTime ? undefined : attributesOrTime;
    const at = isTime ? attributesOrTime : time;
    this.events ??= [];
    if (this.events.length < MAX_EVENTS) this.events.push({ name, attributes, timeMs: toMs(at) });
    else this.droppedEvents += 1;
    return this;
  }

  addLink(link: Link): this {
    return this.addLinks([link]);
  }

  addLinks(links: Link[]): this {
    if (this.endMs !== 0) return this;
    this.links ??= [];
    for (const link of links) {
      if (this.links.length < MAX_LINKS) this.links.push(link);
      else this.droppedLinks += 1;
    }
    return this;
  }

  setStatus(status: SpanStatus): this {
    // OK is final, as the specification has it.
    if (this.endMs === 0 && this.status?.code !== SpanStatusCode.OK && status.code !== SpanStatusCode.UNSET) {
      this.status = status;
    }
    return this;
  }

  updateName(name: string): this {
    if (this.endMs === 0) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { name, message, stack, code } =
      typeof exception === 'string'
        ? ({ message: exception } as Partial<Error & { code: string | number }>)
        : exception;
    const attributes: Attributes = {
      'exception.type': code === undefined ? (name ?? 'Error') : String(code),
      ...(message !== undefined && { 'exception.message': message }),
      ...(stack !== undefined && { 'exception.stacktrace': stack }),
    };
    this.addEvent('exception', attributes, time);
  }

  end(time?: TimeInput): void {
    if (this.endMs !== 0) return;
    this.endMs = Math.max(this.startMs, toMs(time));
    this.sink.accept(this);
  }
}

/** Milliseconds since the epoch, with fractions. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Any of OpenTelemetry's ways to give a time, as milliseconds since the epoch. */
export function toMs(time: TimeInput | undefined): number {
  if (time === undefined) return nowMs();
  if (typeof time === 'number') return time < performance.timeOrigin ? performance.timeOrigin + time : time;
  if (time instanceof Date) return time.getTime();
  return time[0] * 1000 + time[1] / 1e6;
}

function isTimeInput(value: Attributes | TimeInput | undefined): value is TimeInput {
  return typeof value === 'number' || value instanceof Date || isHrTime(value);
}

function isHrTime(value: unknown): value is HrTime {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'number');
}
