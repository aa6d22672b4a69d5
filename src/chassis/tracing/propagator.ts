import {
  propagation,
  trace,
  type Context,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api';
import { formatBaggage, parseBaggage } from './baggage.js';
import { formatTraceparent, parseTraceparent } from './trace-context.js';

/** W3C trace context and baggage, for whoever uses OpenTelemetry's propagation API. */
export class W3CPropagator implements TextMapPropagator {
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const span = trace.getSpanContext(context);
    if (span) {
      setter.set(carrier, 'traceparent', formatTraceparent(span));
      const state = span.traceState?.serialize();
      if (state) setter.set(carrier, 'tracestate', state);
    }
    const baggage = propagation.getBaggage(context);
    if (baggage) setter.set(carrier, 'baggage', formatBaggage(baggage));
  }

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const span = parseTraceparent(
      first(getter.get(carrier, 'traceparent')),
      first(getter.get(carrier, 'tracestate')),
    );
    const baggage = parseBaggage(first(getter.get(carrier, 'baggage')));
    const withSpan = span ? trace.setSpanContext(context, span) : context;
    return baggage ? propagation.setBaggage(withSpan, baggage) : withSpan;
  }

  fields(): string[] {
    return ['traceparent', 'tracestate', 'baggage'];
  }
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
