import type { AttributeValue } from '@opentelemetry/api';
import { spanOf, traceOf } from '../context/index.js';
import { encodeAttribute, encodeAttributes } from './attribute-encoder.js';
import { encodeCall } from './call-encoder.js';
import type { ProtobufWriter } from './protobuf-writer.js';
import type { RecordingSpan } from './recording-span.js';
import { EVENT, LINK, SPAN, STATUS } from './span-fields.js';

/** Flags say whether the parent is remote: "known", and then "it is". */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** Appends one span as a field of its `ScopeSpans`. */
export function encodeSpan(writer: ProtobufWriter, field: number, span: RecordingSpan): void {
  const context = span.spanContext();
  const { traceFlags, traceState } = context;
  const begin = writer.begin(field);
  writer.id(SPAN.traceId, traceOf(context));
  writer.id(SPAN.spanId, spanOf(context));
  if (traceState) writer.string(SPAN.traceState, traceState.serialize());
  if (span.parent) writer.id(SPAN.parentSpanId, spanOf(span.parent));
  if (span.call) encodeCall(writer, span.call);
  else writer.string(SPAN.name, span.name);
  // The API counts kinds from INTERNAL = 0, the protocol from INTERNAL = 1.
  writer.integer(SPAN.kind, span.kind + 1);
  writer.time(SPAN.start, span.startMs);
  writer.time(SPAN.end, span.endMs);
  if (span.attributes) encodePairs(writer, span.attributes);
  if (span.droppedAttributes > 0) writer.integer(SPAN.droppedAttributes, span.droppedAttributes);
  if (span.events) encodeEvents(writer, span);
  if (span.links) encodeLinks(writer, span);
  if (span.status) encodeStatus(writer, span.status);
  writer.fixed32(SPAN.flags, traceFlags | HAS_IS_REMOTE | (span.parent?.isRemote === true ? IS_REMOTE : 0));
  writer.end(begin);
}

function encodePairs(writer: ProtobufWriter, pairs: readonly AttributeValue[]): void {
  for (let index = 0; index < pairs.length; index += 2) {
    encodeAttribute(writer, SPAN.attributes, pairs[index] as string, pairs[index + 1]);
  }
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
    writer.id(LINK.traceId, traceOf(context));
    writer.id(LINK.spanId, spanOf(context));
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
