import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { ProtobufWriter } from './protobuf-writer.js';
import type { RecordingSpan } from './recording-span.js';

/** Fields of `opentelemetry.proto.trace.v1` and `common.v1`; source: opentelemetry-proto 1.x. */
const SPAN = { traceId: 1, spanId: 2, traceState: 3, parentSpanId: 4, name: 5, kind: 6, start: 7, end: 8, attributes: 9, droppedAttributes: 10, events: 11, droppedEvents: 12, links: 13, droppedLinks: 14, status: 15, flags: 16 } as const; // prettier-ignore
const EVENT = { time: 1, name: 2, attributes: 3 } as const;
const LINK = { traceId: 1, spanId: 2, traceState: 3, attributes: 4, flags: 6 } as const;
const STATUS = { message: 2, code: 3 } as const;
const KEY_VALUE = { key: 1, value: 2 } as const;
const ANY_VALUE = { string: 1, bool: 2, integer: 3, double: 4, array: 5 } as const;
const ARRAY_VALUES = 1;
/** Flags say whether the parent is remote: "known", and then "it is". */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** Appends one span as a field of its `ScopeSpans`. */
export function encodeSpan(writer: ProtobufWriter, field: number, span: RecordingSpan): void {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const begin = writer.begin(field);
  writer.hex(SPAN.traceId, traceId);
  writer.hex(SPAN.spanId, spanId);
  if (traceState) writer.string(SPAN.traceState, traceState.serialize());
  if (span.parent) writer.hex(SPAN.parentSpanId, span.parent.spanId);
  writer.string(SPAN.name, span.name);
  // The API counts kinds from INTERNAL = 0, the protocol from INTERNAL = 1.
  writer.integer(SPAN.kind, span.kind + 1);
  writer.time(SPAN.start, span.startMs);
  writer.time(SPAN.end, span.endMs);
  const { attributes } = span;
  for (let index = 0; index < attributes.length; index += 2) {
    encodeAttribute(writer, SPAN.attributes, attributes[index] as string, attributes[index + 1]);
  }
  if (span.droppedAttributes > 0) writer.integer(SPAN.droppedAttributes, span.droppedAttributes);
  if (span.events) encodeEvents(writer, span);
  if (span.links) encodeLinks(writer, span);
  if (span.status) encodeStatus(writer, span.status);
  writer.fixed32(SPAN.flags, traceFlags | HAS_IS_REMOTE | (span.parent?.isRemote === true ? IS_REMOTE : 0));
  writer.end(begin);
}

/** Appends attributes as fields of any message. */
export function encodeAttributes(
  writer: ProtobufWriter,
  field: number,
  attributes: Attributes | undefined,
): void {
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) encodeAttribute(writer, field, key, value);
  }
}

function encodeAttribute(writer: ProtobufWriter, field: number, key: string, value: AttributeValue): void {
  const begin = writer.begin(field);
  writer.string(KEY_VALUE.key, key);
  encodeValue(writer, KEY_VALUE.value, value);
  writer.end(begin);
}

function encodeValue(writer: ProtobufWriter, field: number, value: AttributeValue): void {
  const begin = writer.begin(field);
  if (typeof value === 'string') writer.string(ANY_VALUE.string, value);
  else if (typeof value === 'boolean') writer.integer(ANY_VALUE.bool, value ? 1 : 0);
  else if (typeof value === 'number') encodeNumber(writer, value);
  else encodeArray(writer, value as readonly AttributeValue[]);
  writer.end(begin);
}

function encodeNumber(writer: ProtobufWriter, value: number): void {
  if (Number.isSafeInteger(value)) writer.integer(ANY_VALUE.integer, value);
  else writer.double(ANY_VALUE.double, value);
}

function encodeArray(writer: ProtobufWriter, values: readonly AttributeValue[]): void {
  const begin = writer.begin(ANY_VALUE.array);
  for (const value of values) {
    if (value !== null && value !== undefined) encodeValue(writer, ARRAY_VALUES, value);
  }
  writer.end(begin);
}

function encodeEvents(writer: ProtobufWriter, span: RecordingSpan): void {
  for (const { name, timeMs, attributes } of span.events ?? []) {
    const begin = writer.begin(SPAN.events);
    writer.time(EVENT.time, timeMs);
    writer.string(EVENT.name, name);
    encodeAttributes(writer, EVENT.attributes, attributes);
    writer.end(begin);
  }
  if (span.droppedEvents > 0) writer.integer(SPAN.droppedEvents, span.droppedEvents);
}

function encodeLinks(writer: ProtobufWriter, span: RecordingSpan): void {
  for (const { context, attributes } of span.links ?? []) {
    const begin = writer.begin(SPAN.links);
    writer.hex(LINK.traceId, context.traceId);
    writer.hex(LINK.spanId, context.spanId);
    if (context.traceState) writer.string(LINK.traceState, context.traceState.serialize());
    encodeAttributes(writer, LINK.attributes, attributes);
    writer.fixed32(
      LINK.flags,
      context.traceFlags | HAS_IS_REMOTE | (context.isRemote === true ? IS_REMOTE : 0),
    );
    writer.end(begin);
  }
  if (span.droppedLinks > 0) writer.integer(SPAN.droppedLinks, span.droppedLinks);
}

function encodeStatus(writer: ProtobufWriter, { code, message }: { code: number; message?: string }): void {
  const begin = writer.begin(SPAN.status);
  if (message !== undefined) writer.string(STATUS.message, message);
  writer.integer(STATUS.code, code);
  writer.end(begin);
}
