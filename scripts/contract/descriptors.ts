import { createFileRegistry, fromBinary, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, type FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { UserError } from './user-error.ts';

export const DESCRIPTORS = 'contracts/descriptors.binpb';

/**
 * Every service of a set of proto descriptors, `grpc.health.v1.Health` among them.
 * @throws UserError when the bytes are no such set
 */
export function servicesIn(descriptors: Buffer): DescService[] {
  const set = parseDescriptors(descriptors);
  try {
    return [...createFileRegistry(set)].filter((type) => type.kind === 'service');
  } catch (cause) {
    throw noDescriptors(cause);
  }
}

/** @throws UserError when the bytes are no set of proto descriptors */
export function parseDescriptors(descriptors: Buffer): FileDescriptorSet {
  try {
    return fromBinary(FileDescriptorSetSchema, descriptors);
  } catch (cause) {
    throw noDescriptors(cause);
  }
}

function noDescriptors(cause: unknown): UserError {
  return new UserError(`${DESCRIPTORS} is no set of proto descriptors. Run "npm run contract".`, { cause });
}
