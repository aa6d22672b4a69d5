import { BinaryReader } from '@bufbuild/protobuf/wire';

const PARTIAL_SUCCESS = 1;
const REJECTED_SPANS = 1;

/**
 * How many spans of a request a collector has not taken, as the `ExportTraceServiceResponse` says; 0 when that cannot
 * be read. Source: OTLP specification, "Partial Success"
 */
export function rejectedSpansOf(answer: Uint8Array): number {
  try {
    const partial = fieldOf(new BinaryReader(answer), PARTIAL_SUCCESS);
    const rejected = partial && fieldOf(new BinaryReader(partial.bytes()), REJECTED_SPANS);
    return rejected ? Number(rejected.int64()) : 0;
  } catch {
    // Whatever it is: the status of the answer said that the spans were taken.
    return 0;
  }
}

/** The reader where the value of the field begins, `undefined` when it is not there. */
function fieldOf(reader: BinaryReader, wanted: number): BinaryReader | undefined {
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted) return reader;
    reader.skip(type, field);
  }
  return undefined;
}
