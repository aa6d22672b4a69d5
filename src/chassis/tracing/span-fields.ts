/** Field numbers of `opentelemetry.proto.trace.v1`; source: opentelemetry-proto 1.x. */
export const SPAN = { traceId: 1, spanId: 2, traceState: 3, parentSpanId: 4, name: 5, kind: 6, start: 7, end: 8, attributes: 9, droppedAttributes: 10, events: 11, droppedEvents: 12, links: 13, droppedLinks: 14, status: 15, flags: 16 } as const; // prettier-ignore
export const EVENT = { time: 1, name: 2, attributes: 3 } as const;
export const LINK = { traceId: 1, spanId: 2, traceState: 3, attributes: 4, flags: 6 } as const;
export const STATUS = { message: 2, code: 3 } as const;
