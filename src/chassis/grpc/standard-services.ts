import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { readFileSync } from 'node:fs';
import type { PackageDefinition } from '@grpc/proto-loader';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { Readiness } from '../health/index.js';

const FILE_FIELD_TAG = 10;

/** Serves `grpc.health.v1.Health`: every service follows the instance's readiness, watchers are told at once. */
export function serveHealth(server: Server, services: readonly string[], readiness: Readiness): void {
  const health = new HealthImplementation();
  readiness.onChange((isReady) => {
    for (const service of ['', ...services]) health.setStatus(service, isReady ? 'SERVING' : 'NOT_SERVING');
  });
  health.addToServer(server);
}

/**
 * Serves server reflection v1 and v1alpha from the descriptor set that `npm run generate` writes.
 * @throws Error naming the file when it is missing
 */
export function serveReflection(server: Server, descriptors: URL, services: readonly string[]): void {
  const fileDescriptorProtos = splitDescriptorSet(readFileSync(descriptors));
  // The reflection package reads nothing of a package definition but this field.
  const definition = { descriptors: { fileDescriptorProtos } } as unknown as PackageDefinition;
  new ReflectionService(definition, { services: [...services, 'grpc.health.v1.Health'] }).addToServer(server);
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
