import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import {
  loadFileDescriptorSetFromBuffer,
  type MessageTypeDefinition,
  type MethodDefinition,
  type PackageDefinition,
} from '@grpc/proto-loader';
import { KnownIds } from './known-ids.ts';
import type { Call } from './load-runner.ts';
import type { SampleMaker } from './sample-maker.ts';

type Method = MethodDefinition<object, object>;
interface Field {
  readonly name: string;
  readonly type: string;
  readonly typeName: string;
  readonly label: string;
}
interface Message {
  readonly field: readonly Field[];
  readonly oneofDecl: readonly { readonly name: string }[];
}

const DESCRIPTORS = 'contracts/descriptors.binpb';
const TIMEOUT_MS = 10_000;

/** One call for each unary method. What is sent is as the REST documents describe fields of the same names. */
export function grpcCalls(samples: SampleMaker, address: string, file = DESCRIPTORS): Call[] {
  const types = loadFileDescriptorSetFromBuffer(readFileSync(file), { longs: String, enums: String });
  const client = new Client(address, credentials.createInsecure());
  const ids = new KnownIds();
  return Object.values(types)
    .filter((type) => !('format' in type))
    .flatMap((service) => Object.values(service as Record<string, Method>))
    .filter(({ requestStream, responseStream }) => !requestStream && !responseStream)
    .map((method) => new GrpcCall({ client, method, types, samples, ids }));
}

interface GrpcCallOptions {
  readonly client: Client;
  readonly method: Method;
  readonly types: PackageDefinition;
  readonly samples: SampleMaker;
  readonly ids: KnownIds;
}

class GrpcCall implements Call {
  readonly name: string;
  readonly weight: number;
  readonly #options: GrpcCallOptions;
  readonly #service: string;

  constructor(options: GrpcCallOptions) {
    this.#options = options;
    const [, service = '', method = ''] = options.method.path.split('/');
    this.name = `${service}/${method}`;
    this.#service = service;
    this.weight = /^(Get|List|Search|BatchGet)/.test(method) ? 4 : 1;
  }

  run(isWrong: boolean): Promise<string> {
    const { client, method } = this.#options;
    const request = isWrong ? {} : this.#sample(method.requestType, packageOf(this.#service));
    return new Promise((resolve) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        { deadline: Date.now() + TIMEOUT_MS },
        (error: ServiceError | null, answer?: object) => {
          if (answer) this.#options.ids.learn(this.#service, JSON.stringify(answer));
          resolve(`gRPC ${status[error?.code ?? status.OK]}`);
        },
      );
    });
  }

  #sample(type: MessageTypeDefinition<object, object>, scope: string): Record<string, unknown> {
    const { field: fields, oneofDecl } = type.type as Message;
    // What protoc makes of `optional string name`.
    const isOptional = ({ name }: Field) => oneofDecl.some((oneof) => oneof.name === `_${name}`);
    const sample: Record<string, unknown> = {};
    for (const field of fields.filter((each) => !isOptional(each)))
      sample[field.name] = this.#value(field, scope);
    return sample;
  }

  #value({ name, type, typeName, label }: Field, scope: string): unknown {
    const { types, samples, ids } = this.#options;
    if (name === 'id') return ids.any(this.#service) ?? randomUUID();
    if (type !== 'TYPE_MESSAGE') return type === 'TYPE_ENUM' ? undefined : samples.ofField(camelCase(name));
    const nested = types[typeName.replace(/^\./, '')] ?? types[`${scope}.${typeName}`];
    if (!nested || !('serialize' in nested)) return undefined;
    const value = this.#sample(nested as MessageTypeDefinition<object, object>, scope);
    return label === 'LABEL_REPEATED' ? [value] : value;
  }
}

function packageOf(service: string): string {
  return service.slice(0, service.lastIndexOf('.'));
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
