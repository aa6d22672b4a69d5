import { createContextKey, ROOT_CONTEXT, type Context, type Span } from '@opentelemetry/api';
import type { CallContext } from './call-context.js';
import type { Limits } from './limits.js';

/** The key under which OpenTelemetry's API keeps the active span: `Symbol.for` of this text. */
const SPAN_KEY = createContextKey('OpenTelemetry Context Key SPAN');

/**
 * What running code belongs to: a call, the span it works in, and whatever else was put into the
 * OpenTelemetry context. It is that context, so one store carries all three.
 */
export class Scope implements Context {
  /** That of work which belongs to no call, even if one asked for it. */
  static readonly NONE = new Scope(undefined, undefined);

  constructor(
    readonly call: CallContext | undefined,
    readonly span: Span | undefined,
    /** Holds every other value, such as baggage. */
    private readonly base: Context = ROOT_CONTEXT,
    /** Those of an attempt within the call, where they are narrower than the call's own. */
    readonly attempt?: Limits,
  ) {}

  /** A context of OpenTelemetry's own as a scope; it keeps its values and its span and has no call. */
  static from(context: Context): Scope {
    if (context instanceof Scope) return context;
    return new Scope(undefined, context.getValue(SPAN_KEY) as Span | undefined, context);
  }

  /** The same scope around another span. */
  withSpan(span: Span): Scope {
    return new Scope(this.call, span, this.base, this.attempt);
  }

  /** The same scope for one attempt of what runs in it. */
  withAttempt(attempt: Limits): Scope {
    return new Scope(this.call, this.span, this.base, attempt);
  }

  getValue(key: symbol): unknown {
    return key === SPAN_KEY ? this.span : this.base.getValue(key);
  }

  setValue(key: symbol, value: unknown): Scope {
    if (key === SPAN_KEY) return this.withSpan(value as Span);
    return new Scope(this.call, this.span, this.base.setValue(key, value), this.attempt);
  }

  deleteValue(key: symbol): Scope {
    if (key === SPAN_KEY) return new Scope(this.call, undefined, this.base, this.attempt);
    return new Scope(this.call, this.span, this.base.deleteValue(key), this.attempt);
  }
}
