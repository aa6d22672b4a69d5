import { createContextKey, type Context, type Span } from '@opentelemetry/api';
import type { CallContext } from './call-context.js';

/** The key under which OpenTelemetry's API keeps the active span: `Symbol.for` of this text, by its `context-utils`. */
const SPAN_KEY = createContextKey('OpenTelemetry Context Key SPAN');

/**
 * What running code belongs to: a call, the span it works in, and whatever else was put into the
 * OpenTelemetry context. It is that context, so one store carries all three.
 */
export class Scope implements Context {
  constructor(
    readonly call: CallContext | undefined,
    readonly span: Span | undefined,
    private readonly values?: ReadonlyMap<symbol, unknown>,
  ) {}

  getValue(key: symbol): unknown {
    return key === SPAN_KEY ? this.span : this.values?.get(key);
  }

  setValue(key: symbol, value: unknown): Scope {
    if (key === SPAN_KEY) return new Scope(this.call, value as Span, this.values);
    return new Scope(this.call, this.span, new Map(this.values).set(key, value));
  }

  deleteValue(key: symbol): Scope {
    if (key === SPAN_KEY) return new Scope(this.call, undefined, this.values);
    const values = new Map(this.values);
    values.delete(key);
    return new Scope(this.call, this.span, values);
  }
}
