import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc, { type Arbitrary } from 'fast-check';

export interface Writing {
  /** Texts that fields are likely to accept, such as UUIDs of things that exist. */
  readonly words: readonly string[];
  /** Fields with nasty values, of the wrong wire type, unknown, doubled, nested too deep. */
  readonly isSpoilt: boolean;
}

/** A field's value on the wire, before its tag. */
interface Value {
  readonly type: WireType;
  readonly bytes: Uint8Array;
}

const MAX_DEPTH = 5;
const MAX_ITEMS = 3;
const NUMBERS = [0n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];
const TEXTS = [
  '',
  '\0',
  'a\0b',
  '\u202e',
  '𝒳'.repeat(65),
  'İ',
  '__proto__',
  "' or 1=1 --",
  'x'.repeat(100_000),
];
const BROKEN_UTF8 = ['ff', 'c328', 'eda080', 'f8a1a1a1a1'].map((hex) => Buffer.from(hex, 'hex'));
/** Deeper than a recursive reader survives. */
const DEEP_GROUPS = Buffer.concat([Buffer.alloc(100_000, 0x0b), Buffer.alloc(100_000, 0x0c)]);

/** The message in bytes: what its descriptor allows, or nearly so when `isSpoilt`. */
export function messageBytes(message: DescMessage, writing: Writing, depth = 0): Arbitrary<Buffer> {
  const members = message.members.map((member) =>
    member.kind === 'oneof'
      ? fc.oneof(...member.fields.map((field) => fieldBytes(field, writing, depth)))
      : fieldBytes(member, writing, depth),
  );
  const whole = fc.tuple(...members).map((parts) => Buffer.concat(parts));
  if (!writing.isSpoilt) return whole;
  return fc
    .tuple(whole, fc.oneof({ weight: 4, arbitrary: fc.constant(Buffer.alloc(0)) }, junk))
    .map((parts) => Buffer.concat(parts));
}

function fieldBytes(field: DescField, writing: Writing, depth: number): Arbitrary<Buffer> {
  if (depth >= MAX_DEPTH) return fc.constant(Buffer.alloc(0));
  const value = writing.isSpoilt
    ? fc.oneof({ weight: 8, arbitrary: valueOf(field, writing, depth) }, { weight: 1, arbitrary: anyValue })
    : valueOf(field, writing, depth);
  const isRepeated = field.fieldKind === 'list' || field.fieldKind === 'map';
  const maxLength = isRepeated || writing.isSpoilt ? MAX_ITEMS : 1;
  return fc
    .oneof(
      { weight: 6, arbitrary: fc.array(value, { minLength: 1, maxLength }) },
      { weight: 1, arbitrary: fc.constant([]) },
    )
    .map((values) => Buffer.concat(values.map((one) => tagged(field.number, one))));
}

function valueOf(field: DescField, writing: Writing, depth: number): Arbitrary<Value> {
  if (field.fieldKind === 'map') {
    const entry = fc.tuple(scalar(field.mapKey, writing), single(field, writing, depth));
    return entry.map(([key, value]) => delimited(Buffer.concat([tagged(1, key), tagged(2, value)])));
  }
  return single(field, writing, depth);
}

function single(field: DescField, writing: Writing, depth: number): Arbitrary<Value> {
  if (field.message) return messageBytes(field.message, writing, depth + 1).map(delimited);
  if (field.enum)
    return fc.oneof(
      fc.constantFrom(...field.enum.values.map((value) => varint(BigInt(value.number)))),
      integer(writing),
    );
  return scalar(field.scalar ?? ScalarType.BYTES, writing);
}

function scalar(type: ScalarType, writing: Writing): Arbitrary<Value> {
  switch (type) {
    case ScalarType.STRING:
      return text(writing).map(delimited);
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 40 }).map(delimited);
    case ScalarType.BOOL:
      return fc.constantFrom(varint(0n), varint(1n));
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return fixed(WireType.Bit64, 8);
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return fixed(WireType.Bit32, 4);
    default:
      return integer(writing);
  }
}

function text({ words, isSpoilt }: Writing): Arbitrary<Buffer> {
  const likely = fc
    .oneof(fc.constantFrom('EUR', 'EUR', 'tea', 'c-1'), fc.constantFrom('EUR', ...words))
    .map((word) => Buffer.from(word));
  if (!isSpoilt)
    return fc.oneof(
      { weight: 9, arbitrary: likely },
      { weight: 1, arbitrary: fc.uuid().map((id) => Buffer.from(id)) },
    );
  return fc.oneof(
    { weight: 6, arbitrary: likely },
    { weight: 2, arbitrary: fc.constantFrom(...TEXTS).map((nasty) => Buffer.from(nasty)) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }).map((any) => Buffer.from(any)) },
    { weight: 1, arbitrary: fc.constantFrom(...BROKEN_UTF8) },
  );
}

function integer({ isSpoilt }: Writing): Arbitrary<Value> {
  const likely = fc.integer({ min: 1, max: 100 }).map((value) => varint(BigInt(value)));
  return isSpoilt ? fc.oneof(likely, fc.constantFrom(...NUMBERS).map(varint)) : likely;
}

function fixed(type: WireType, length: number): Arbitrary<Value> {
  return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ type, bytes }));
}

const anyValue: Arbitrary<Value> = fc.oneof(
  fc.constantFrom(...NUMBERS).map(varint),
  fc.uint8Array({ maxLength: 20 }).map(delimited),
  fixed(WireType.Bit32, 4),
  fixed(WireType.Bit64, 8),
  fc.record({ type: fc.nat(7), bytes: fc.uint8Array({ maxLength: 12 }) }),
);

/** Fields that no message has, and what is no field at all. */
const junk: Arbitrary<Buffer> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 16, max: 2 ** 29 - 1 }), anyValue)
    .map(([number, value]) => tagged(number, value)),
  fc.constantFrom(DEEP_GROUPS, DEEP_GROUPS.subarray(0, 50_000), Buffer.from([0x00]), Buffer.alloc(11, 0xff)),
);

function varint(value: bigint): Value {
  return { type: WireType.Varint, bytes: new BinaryWriter().int64(value).finish() };
}

function delimited(bytes: Uint8Array): Value {
  return { type: WireType.LengthDelimited, bytes: new BinaryWriter().bytes(bytes).finish() };
}

function tagged(number: number, { type, bytes }: Value): Buffer {
  return Buffer.concat([new BinaryWriter().tag(number, type).finish(), bytes]);
}
