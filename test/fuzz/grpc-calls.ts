import { createFileRegistry, fromBinary, type DescMethod } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc, { type Arbitrary } from 'fast-check';
import { gzipSync } from 'node:zlib';
import { frame } from '../support/raw-grpc.js';
import { mutateBytes } from './mutate-bytes.js';
import { messageBytes, type Writing } from './proto-message.js';

/** A call before it is sent: every part may be wrong. */
export interface GrpcCall {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Frames in hexadecimal, so that a failure can be read. */
  readonly body: string;
  /** The client does not end its side. */
  readonly keepOpen: boolean;
}

/** What the contract says of a path. */
export interface Method {
  readonly takesMany: boolean;
  readonly answersMany: boolean;
}

export interface GrpcCalls {
  readonly methods: ReadonlyMap<string, Method>;
  readonly valid: Arbitrary<GrpcCall>;
  /** Valid ones, the same with faults, and plain noise. */
  readonly any: Arbitrary<GrpcCall>;
}

/** Calls of every rpc in a serialized `FileDescriptorSet`. */
export function grpcCalls(descriptors: Uint8Array, words: readonly string[] = []): GrpcCalls {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const rpcs = [...registry].flatMap((type) => (type.kind === 'service' ? type.methods : []));
  const callsOf = (isSpoilt: boolean) => fc.oneof(...rpcs.map((rpc) => callOf(rpc, { words, isSpoilt })));
  const valid = callsOf(false);
  return {
    methods: new Map(rpcs.map((rpc) => [pathOf(rpc), shapeOf(rpc)])),
    valid,
    any: fc.oneof(
      { weight: 3, arbitrary: valid },
      { weight: 3, arbitrary: callsOf(true) },
      { weight: 1, arbitrary: valid.chain(withBrokenBytes) },
      { weight: 2, arbitrary: fc.tuple(valid, strangeBody).map(([call, fault]) => ({ ...call, ...fault })) },
      {
        weight: 2,
        arbitrary: fc.tuple(valid, strangeHeaders).map(([call, headers]) => ({ ...call, headers })),
      },
      { weight: 1, arbitrary: fc.tuple(valid, strangePath).map(([call, path]) => ({ ...call, path })) },
    ),
  };
}

function callOf(rpc: DescMethod, writing: Writing): Arbitrary<GrpcCall> {
  const message = messageBytes(rpc.input, writing).map((bytes) => frame(bytes));
  const bounds = shapeOf(rpc).takesMany ? { maxLength: 5 } : { minLength: 1, maxLength: 1 };
  return fc.array(message, bounds).map((frames) => ({
    path: pathOf(rpc),
    headers: {},
    body: Buffer.concat(frames).toString('hex'),
    keepOpen: false,
  }));
}

function pathOf(rpc: DescMethod): string {
  return `/${rpc.parent.typeName}/${rpc.name}`;
}

function shapeOf({ methodKind }: DescMethod): Method {
  return {
    takesMany: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    answersMany: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
  };
}

/** Faults in the message, inside of a good frame, or anywhere. */
function withBrokenBytes(call: GrpcCall): Arbitrary<GrpcCall> {
  const bytes = Buffer.from(call.body, 'hex');
  return fc
    .oneof(
      mutateBytes(fc.constant(bytes.subarray(5))).map((message) => frame(message)),
      mutateBytes(fc.constant(bytes)),
    )
    .map((body) => ({ ...call, body: body.toString('hex') }));
}

const noise = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
const strangeBody: Arbitrary<Partial<GrpcCall>> = fc.record({
  body: fc
    .oneof(
      noise,
      noise.map((bytes) => frame(bytes)),
      fc.array(noise, { maxLength: 5 }).map((all) => Buffer.concat(all.map((bytes) => frame(bytes)))),
      noise.map((bytes) => frame(bytes, { isCompressed: true })),
      noise.map((bytes) => frame(gzipSync(bytes), { isCompressed: true })),
      fc.tuple(noise, fc.nat(0xffffffff)).map(([bytes, length]) => frame(bytes, { length })),
      fc.tuple(noise, fc.nat(200)).map(([bytes, length]) => frame(bytes, { length })),
    )
    .map((bytes) => bytes.toString('hex')),
  headers: fc.constantFrom<Record<string, string>>(
    {},
    { 'grpc-encoding': 'gzip' },
    { 'grpc-encoding': 'deflate' },
  ),
  keepOpen: fc.boolean(),
});

const visible = fc
  .string({
    unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
    maxLength: 40,
  })
  // HTTP/2 resets a stream whose values begin or end with spaces or have control characters.
  .map((text) => text.replaceAll(/[\x7f-\x9f]/g, '').trim());
const valuesOf = (name: string, ...values: string[]): Arbitrary<[string, string]> =>
  fc.constantFrom(...values).map((value) => [name, value]);
const strangeHeader: Arbitrary<[string, string]> = fc.oneof(
  fc.tuple(
    fc.stringMatching(/^[a-z0-9_.-]{1,20}$/).filter((name) => !isReserved(name)),
    visible,
  ),
  fc.tuple(
    fc.constantFrom('x-request-id', 'grpc-timeout', 'authorization', 'x-some-bin', 'grpc-trace-bin'),
    visible,
  ),
  // prettier-ignore
  valuesOf('grpc-timeout', 'soon', '', '-1S', '1', 'S', '0S', '1n', '1u', '2m', '1.5S', '99999999H', '123456789S', '1s'),
  // prettier-ignore
  valuesOf('content-type', '', 'text/plain', 'application/json', 'application/grpc+json', 'application/grpc+proto', 'application/grpc-web', 'application/grpc;x', 'APPLICATION/GRPC', 'application/grpcx'),
  valuesOf(
    'grpc-encoding',
    '',
    'identity',
    'gzip',
    'deflate',
    'snappy',
    'brotli',
    'gzip,gzip',
    '__proto__',
    'constructor',
  ),
  valuesOf('grpc-accept-encoding', '', 'gzip', 'snappy', ',,,', '__proto__'),
  valuesOf('x-some-bin', '!', '====', 'AAA', 'a,b', '\u00ff'),
  valuesOf(':method', 'GET', 'PUT', 'OPTIONS', 'HEAD'),
  valuesOf(':authority', 'nobody:0', '[::1]'),
  fc.constant<[string, string]>(['x-much', 'y'.repeat(20_000)]),
);
const strangeHeaders = fc
  .array(strangeHeader, { minLength: 1, maxLength: 4 })
  .map((headers) => Object.fromEntries(headers));

/** HTTP/1 fields that no client of HTTP/2 can send. */
function isReserved(name: string): boolean {
  return ['connection', 'upgrade', 'te', 'http2-settings', 'keep-alive', 'proxy-connection'].includes(name);
}

const strangePath = fc.oneof(
  fc.webPath().map((path) => path || '/'),
  visible.map((text) => `/${text.replaceAll(' ', '/')}`),
  // prettier-ignore
  fc.constantFrom('/', '//', '/nobody.v1.Nobody/Call', '/grpc.health.v1.Health/Nothing', '/grpc.health.v1.Health/', '/__proto__/constructor', `/${'a'.repeat(8000)}`),
);
