import { BinaryReader } from '@bufbuild/protobuf/wire';
import {
  status,
  type Server,
  type ServerDuplexStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { readFileSync } from 'node:fs';
import { refuseUnknownFlags } from './call-link.js';

const FILE_FIELD_TAG = 10;
const SERVICES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];
const METHOD = 'ServerReflectionInfo';

type RawStream = ServerDuplexStream<Buffer, Buffer>;
type Answer = (call: RawStream) => void;

/**
 * Serves server reflection v1 and v1alpha from the descriptor set that `npm run generate` writes. The
 * package that answers is loaded with the first question: most instances are never asked.
 * @throws Error naming the file when it is missing
 */
export function serveReflection(server: Server, descriptors: URL, services: readonly string[]): void {
  const bytes = readFileSync(descriptors);
  const names = [...services, 'grpc.health.v1.Health'];
  let answers: Promise<ReadonlyMap<string, Answer>> | undefined;
  for (const service of SERVICES) {
    const path = `/${service}/${METHOD}`;
    const handle = (call: RawStream): void => {
      refuseUnknownFlags(call);
      answers ??= loadAnswers(bytes, names);
      answers.then(
        (loaded) => loaded.get(path)?.(call),
        (error: Error) => call.emit('error', { code: status.INTERNAL, details: error.message }),
      );
    };
    server.register(path, handle as never, asItIs, asItIs, 'bidi');
  }
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

/** What `@grpc/reflection` would have registered with the server, by path. */
async function loadAnswers(descriptors: Buffer, services: string[]): Promise<ReadonlyMap<string, Answer>> {
  const { ReflectionService } = await import('@grpc/reflection');
  const answers = new Map<string, Answer>();
  const addService = (
    { [METHOD]: method }: ServiceDefinition,
    { [METHOD]: answer }: UntypedServiceImplementation,
  ): void => {
    if (method) answers.set(method.path, (call) => (answer as Answer)(decoded(call, method)));
  };
  // The package reads nothing of a package definition but this field, and calls nothing of a server but `addService`.
  const definition = { descriptors: { fileDescriptorProtos: splitDescriptorSet(descriptors) } };
  new ReflectionService(definition as unknown as PackageDefinition, { services }).addToServer({ addService });
  return answers;
}

/** The stream as the package knows it: messages instead of bytes. */
function decoded(call: RawStream, method: ServiceDefinition[string]): RawStream {
  const stream = {
    on(event: string, listener: (value: unknown) => void) {
      if (event !== 'data') return call.on(event, listener);
      return call.on('data', (bytes: Buffer) => {
        try {
          listener(method.requestDeserialize(bytes));
        } catch {
          call.emit('error', { code: status.INVALID_ARGUMENT, details: 'The message is not valid protobuf' });
        }
      });
    },
    write: (message: unknown) => call.write(method.responseSerialize(message)),
    end: () => call.end(),
  };
  return stream as unknown as RawStream;
}

/** A serialized `FileDescriptorSet` is its files one after the other, each a length-delimited field 1. */
function splitDescriptorSet(bytes: Buffer): Buffer[] {
  const reader = new BinaryReader(bytes);
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === FILE_FIELD_TAG) files.push(Buffer.from(reader.bytes()));
    else reader.skip(tag & 7);
  }
  return files;
}
