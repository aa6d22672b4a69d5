/**
 * Which codec carries gRPC messages: ts-proto's static code, protobuf-es, or proto-loader's reflection.
 * Run with `npm run bench:codecs`; needs a build. Rounds are interleaved, ratios are medians to proto-loader.
 */
import { create, fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { loadSync } from '@grpc/proto-loader';
import { performance } from 'node:perf_hooks';

const ROUNDS = 31;
const CALLS = 20_000;
const WHEN = new Date('2026-01-02T03:04:05.678Z');
const items = Array.from({ length: 3 }, (_, index) => ({
  sku: `sku-${index}`,
  quantity: index + 1,
  unitAmount: 1299,
}));
const order = {
  id: '01a1fdf5-f5e7-70dc-b568-e5be378f4ac2',
  customerId: 'customer-1',
  currency: 'EUR',
  items,
  totalAmount: 7794,
  version: 1,
};

interface Codec {
  readonly name: string;
  encode(): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

async function tsProto(): Promise<Codec> {
  const { GetOrderResponse, OrderStatus } = await import('#generated/orders/v1/orders');
  const status = OrderStatus.ORDER_STATUS_PENDING;
  return {
    name: 'ts-proto',
    encode: () =>
      GetOrderResponse.encode({ order: { ...order, status, createdAt: WHEN, updatedAt: WHEN } }).finish(),
    decode: (bytes) => GetOrderResponse.decode(bytes),
  };
}

async function protobufEs(): Promise<Codec> {
  const generated = new URL('generated/orders/v1/orders_pb.js', import.meta.url).href;
  const { GetOrderResponseSchema } = (await import(generated)) as { GetOrderResponseSchema: DescMessage };
  const at = timestampFromDate(WHEN);
  const bigItems = items.map((item) => ({ ...item, unitAmount: BigInt(item.unitAmount) }));
  const message = { ...order, items: bigItems, totalAmount: 7794n, status: 1, createdAt: at, updatedAt: at };
  return {
    name: 'protobuf-es',
    encode: () => toBinary(GetOrderResponseSchema, create(GetOrderResponseSchema, { order: message })),
    decode: (bytes) => fromBinary(GetOrderResponseSchema, bytes),
  };
}

function protoLoader(): Codec {
  const packages = loadSync('orders/v1/orders.proto', {
    includeDirs: ['proto'],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const service = packages['orders.v1.OrderService'] as Record<
    string,
    { responseSerialize(value: object): Buffer; responseDeserialize(bytes: Buffer): object }
  >;
  const method = service['GetOrder'];
  if (!method) throw new TypeError('orders.v1.OrderService has no GetOrder');
  const at = { seconds: Math.floor(WHEN.getTime() / 1000), nanos: 678_000_000 };
  return {
    name: 'proto-loader',
    encode: () =>
      method.responseSerialize({
        order: { ...order, status: 'ORDER_STATUS_PENDING', createdAt: at, updatedAt: at },
      }),
    decode: (bytes) => method.responseDeserialize(Buffer.from(bytes)),
  };
}

function nsPerCall(work: () => unknown): number {
  const begin = performance.now();
  for (let call = 0; call < CALLS; call++) work();
  return ((performance.now() - begin) * 1e6) / CALLS;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const codecs = [protoLoader(), await tsProto(), await protobufEs()];
const [reference, ...others] = codecs.map((codec) => Buffer.from(codec.encode()).toString('hex'));
if (others.some((bytes) => bytes !== reference)) throw new Error('The codecs do not write the same bytes');

const samples = codecs.map((): { encode: number[]; decode: number[] } => ({ encode: [], decode: [] }));
for (let round = 0; round < ROUNDS; round++) {
  codecs.forEach((codec, index) => {
    const bytes = codec.encode();
    samples[index]?.encode.push(nsPerCall(() => codec.encode()));
    samples[index]?.decode.push(nsPerCall(() => codec.decode(bytes)));
  });
}
const rows = codecs.map(({ name }, index) => {
  const column = (kind: 'encode' | 'decode'): string => {
    const mine = samples[index]?.[kind] ?? [];
    const base = samples[0]?.[kind] ?? [];
    const ratio = median(mine.map((value, round) => (base[round] ?? Number.NaN) / value));
    return `${Math.round(median(mine))} ns | ${ratio.toFixed(2)}×`;
  };
  return `| ${name} | ${column('encode')} | ${column('decode')} |`;
});
process.stdout.write(
  `| codec | encode | speed | decode | speed |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`,
);
