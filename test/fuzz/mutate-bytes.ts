import fc, { type Arbitrary } from 'fast-check';

type Change = (bytes: Buffer) => Buffer;

const change: Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(7)).map(([at, bit]): Change => (bytes) => {
    const flipped = Buffer.from(bytes);
    const index = at % (bytes.length || 1);
    if (bytes.length > 0) flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
    return flipped;
  }),
  fc.nat().map(
    (at): Change =>
      (bytes) =>
        bytes.subarray(0, at % (bytes.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 20 })).map(([at, more]): Change => (bytes) => {
    const index = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, index), more, bytes.subarray(index)]);
  }),
  fc.constant<Change>((bytes) => Buffer.concat([bytes, bytes])),
  fc.constantFrom(...['ff', 'c328', 'eda080', 'efbbbf', '00'].map((hex) => Buffer.from(hex, 'hex'))).map(
    (junk): Change =>
      (bytes) =>
        Buffer.concat([bytes.subarray(0, bytes.length >> 1), junk, bytes.subarray(bytes.length >> 1)]),
  ),
);

/** The bytes with one to three faults: flipped bits, truncation, insertions, repetition, broken UTF-8. */
export function mutateBytes(valid: Arbitrary<Buffer>): Arbitrary<Buffer> {
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([bytes, faults]) => faults.reduce((before, fault) => fault(before), bytes));
}
