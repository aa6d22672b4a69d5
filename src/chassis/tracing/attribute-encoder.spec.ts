import { BinaryReader } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeAttribute, TextAttribute } from './attribute-encoder.js';
import { ProtobufWriter } from './protobuf-writer.js';

const FIELD = 9;
const KEY = 'url.path';
const attribute = new TextAttribute(KEY);

test('an attribute whose key is encoded before says the same as any other', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: 'binary-ascii', minLength: 90, maxLength: 140 }),
    fc.integer({ min: 0, max: 300 }).map((length) => 'a'.repeat(length)),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
      const known = new ProtobufWriter(16);
      const other = new ProtobufWriter(16);
      for (const each of values) {
        attribute.encode(known, FIELD, each);
        encodeAttribute(other, FIELD, KEY, each);
      }
      const pairs = read(known);
      expect(pairs).toEqual(read(other));
      expect(pairs).toEqual(values.map((each) => [KEY, each.toWellFormed()]));
    }),
    { numRuns: 500 },
  );
});

/** Keys and values of the attributes in a message. */
function read(writer: ProtobufWriter): [string, string][] {
  const reader = new BinaryReader(writer.take());
  const pairs: [string, string][] = [];
  while (reader.pos < reader.len) {
    expect(reader.tag()[0]).toBe(FIELD);
    const pair = new BinaryReader(reader.bytes());
    pair.tag();
    const key = pair.string();
    pair.tag();
    const value = new BinaryReader(pair.bytes());
    value.tag();
    pairs.push([key, value.string()]);
    expect([pair.pos, value.pos]).toEqual([pair.len, value.len]);
  }
  return pairs;
}
