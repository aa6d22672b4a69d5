import { createFileRegistry, fromBinary, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DESCRIPTORS } from './contracts.ts';
import { UserError } from './user-error.ts';

/**
 * Every service of a set of proto descriptors, `grpc.health.v1.Health` among them.
 * @throws UserError when the bytes are no such set
 */
export function servicesIn(descriptors: Buffer): DescService[] {
  try {
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
    return [...registry].filter((type) => type.kind === 'service');
  } catch (error) {
    throw new UserError(`${DESCRIPTORS} is no set of proto descriptors. Run "npm run contract".`, {
      cause: error,
    });
  }
}
