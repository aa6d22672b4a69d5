import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { serializePooled, shareWriteBuffer } from './write-buffer.js';

/** The package's other build, whose writers nobody touches. */
const { BinaryWriter: PlainWriter } = createRequire(import.meta.url)(
  '@bufbuild/protobuf/wire',
) as typeof import('@bufbuild/protobuf/wire');
shareWriteBuffer();

type Step = readonly [name: string, value: unknown];
const SHARED_BYTES = 64 * 1024;

const step = fc.oneof(
  fc.tuple(fc.constant('uint32'), fc.nat()),
  fc.tuple(fc.constant('int64'), fc.integer()),
  fc.tuple(fc.constant('double'), fc.double()),
  fc.tuple(fc.constant('fixed32'), fc.nat()),
  fc.tuple(fc.constant('bool'), fc.boolean()),
  fc.tuple(fc.constant('string'), fc.string({ unit: 'binary', maxLength: 200 })),
  fc.tuple(fc.constant('raw'), fc.uint8Array({ maxLength: 300 })),
  fc.tuple(
    fc.constant('raw'),
    fc.integer({ min: 30_000, max: 70_000 }).map((size) => new Uint8Array(size).fill(7)),
  ),
  fc.tuple(
    fc.constant('raw'),
    fc.constantFrom(1, 0, -1).map((more) => new Uint8Array(SHARED_BYTES + more).fill(9)),
  ),
  fc.tuple(fc.constantFrom('fork', 'join', 'finish', 'int32'), fc.constant('x')),
);

test('several writers at a time, some of which never finish, write what they would write alone', () => {
  const turn = fc.tuple(fc.nat({ max: 2 }), step);
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 60 }), (turns) => {
      const ours = [new BinaryWriter(), new BinaryWriter(), new BinaryWriter()];
      const plain = [new PlainWriter(), new PlainWriter(), new PlainWriter()];
      for (const [who, each] of turns) expect(run(ours[who], each)).toEqual(run(plain[who], each));
      for (const who of [0, 1, 2])
        expect(run(ours[who], ['finish', 0])).toEqual(run(plain[who], ['finish', 0]));
    }),
    { numRuns: 300 },
  );
});

test('what a writer returns is not written over by the next one', () => {
  const first = new BinaryWriter().string('the first message').finish();
  const kept = Buffer.from(first);
  new BinaryWriter().string('something else, and longer').finish();
  expect(Buffer.from(first)).toEqual(kept);
  expect(first.byteLength).toBe(first.buffer.byteLength);
});

test('a message that is sent comes from the pool', () => {
  const message = serializePooled((value) => new BinaryWriter().string(String(value)).finish(), 'sent');
  expect([...message]).toEqual([...new PlainWriter().string('sent').finish()]);
  expect(message.buffer.byteLength).toBeGreaterThan(message.byteLength);
});

test('a message may be written amid another one', () => {
  const written = (Writer: typeof BinaryWriter) => {
    const outer = new Writer().string('outer');
    return outer.bytes(new Writer().string('inner').finish()).double(1.5).finish();
  };
  const message = serializePooled(() => written(BinaryWriter), undefined);
  expect([...message]).toEqual([...written(PlainWriter)]);
});

test('a value that cannot be written costs the next message nothing', () => {
  const broken = () => new BinaryWriter().string('half a message').uint32(-1).finish();
  expect(() => serializePooled(broken, undefined)).toThrow(/uint32/);
  const writer = new BinaryWriter().string('a whole one');
  expect((writer as unknown as { buffer: Uint8Array }).buffer.length).toBe(SHARED_BYTES);
  const message = writer.finish();
  expect([...message]).toEqual([...new PlainWriter().string('a whole one').finish()]);
  expect(message.byteLength).toBe(message.buffer.byteLength);
});

/** What one step gives, as far as it can be compared: bytes, or an error. */
function run(writer: BinaryWriter | undefined, [name, value]: Step): unknown {
  try {
    const result = (writer as unknown as Record<string, (value: unknown) => unknown>)[name]?.(value);
    return result instanceof Uint8Array ? Buffer.from(result).toString('base64') : 'written';
  } catch (error) {
    return (error as Error).message;
  }
}
