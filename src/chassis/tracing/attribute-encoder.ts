import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { ProtobufWriter } from './protobuf-writer.js';

/** Fields of `opentelemetry.proto.common.v1`; source: opentelemetry-proto 1.x. */
const KEY_VALUE = { key: 1, value: 2 } as const;
const ANY_VALUE = { string: 1, bool: 2, integer: 3, double: 4, array: 5, map: 6, bytes: 7 } as const;
const ARRAY_VALUES = 1;
const MAP_VALUES = 1;

/** Appends attributes as fields of any message. */
export function encodeAttributes(
  writer: ProtobufWriter,
  field: number,
  attributes: Attributes | undefined,
): void {
  for (const key in attributes) encodeAttribute(writer, field, key, attributes[key]);
}

/** Appends one attribute as a field of any message; what is no value of an attribute is left out. */
export function encodeAttribute(
  writer: ProtobufWriter,
  field: number,
  key: string,
  value: AttributeValue,
): void {
  if (!isEncodable(value)) return;
  const begin = writer.begin(field);
  writer.string(KEY_VALUE.key, key);
  encodeValue(writer, KEY_VALUE.value, value);
  writer.end(begin);
}

/** A text attribute whose key is encoded once. */
export class TextAttribute {
  readonly #key: Buffer;

  constructor(key: string) {
    const writer = new ProtobufWriter(2 + key.length);
    writer.string(KEY_VALUE.key, key);
    this.#key = writer.take();
  }

  /** Appends it with this value as a field of any message. */
  encode(writer: ProtobufWriter, field: number, value: string): void {
    writer.pair(field, this.#key, KEY_VALUE.value, ANY_VALUE.string, value);
  }
}

function isEncodable(value: unknown): value is AttributeValue {
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' || type === 'object';
}

function encodeValue(writer: ProtobufWriter, field: number, value: AttributeValue): void {
  const begin = writer.begin(field);
  if (typeof value === 'string') writer.string(ANY_VALUE.string, value);
  else if (typeof value === 'boolean') writer.integer(ANY_VALUE.bool, value ? 1 : 0);
  else if (typeof value === 'number') encodeNumber(writer, value);
  else if (Array.isArray(value)) encodeArray(writer, value);
  else if (value instanceof Uint8Array) writer.bytes(ANY_VALUE.bytes, value);
  else if (value !== null) encodeMap(writer, value as Attributes);
  writer.end(begin);
}

function encodeNumber(writer: ProtobufWriter, value: number): void {
  if (Number.isSafeInteger(value)) writer.integer(ANY_VALUE.integer, value);
  else writer.double(ANY_VALUE.double, value);
}

function encodeMap(writer: ProtobufWriter, values: Attributes): void {
  const begin = writer.begin(ANY_VALUE.map);
  encodeAttributes(writer, MAP_VALUES, values);
  writer.end(begin);
}

function encodeArray(writer: ProtobufWriter, values: readonly AttributeValue[]): void {
  const begin = writer.begin(ANY_VALUE.array);
  for (const value of values) {
    if (isEncodable(value)) encodeValue(writer, ARRAY_VALUES, value);
  }
  writer.end(begin);
}
