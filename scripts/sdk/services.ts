import type { DescService } from '@bufbuild/protobuf';
import { servicesIn } from '../contract/descriptors.ts';
import { camelCase } from '../contract/drift/shape.ts';

export interface NamedService {
  /** As the client calls it: `orderService`, and `ordersV1OrderService` where two packages have one. */
  readonly key: string;
  readonly service: DescService;
}

/** Every service of the contract, sorted by its full name. */
export function servicesOf(descriptors: Buffer): NamedService[] {
  const services = servicesIn(descriptors);
  const sorted = services.toSorted((one, other) => (one.typeName < other.typeName ? -1 : 1));
  return sorted.map((service) => {
    const isAlone = services.every((other) => other === service || other.name !== service.name);
    const name = isAlone ? service.name : camelCase(service.typeName.replaceAll('.', '_'));
    return { key: name.slice(0, 1).toLowerCase() + name.slice(1), service };
  });
}
