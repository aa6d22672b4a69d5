import { createFileRegistry, fromBinary, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { camelCase } from '../contract/drift/shape.ts';

export interface NamedService {
  /** As the client calls it: `orderService`, and `ordersV1OrderService` where two packages have one. */
  readonly key: string;
  readonly service: DescService;
}

/** Every service of the contract, `grpc.health.v1.Health` among them, sorted by its full name. */
export function servicesOf(descriptors: Buffer): NamedService[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const services = [...registry].filter((type) => type.kind === 'service');
  const sorted = services.toSorted((one, other) => (one.typeName < other.typeName ? -1 : 1));
  return sorted.map((service) => {
    const isAlone = services.every((other) => other === service || other.name !== service.name);
    const name = isAlone ? service.name : camelCase(service.typeName.replaceAll('.', '_'));
    return { key: name.slice(0, 1).toLowerCase() + name.slice(1), service };
  });
}
