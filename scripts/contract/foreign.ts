import { toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, type FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { parse } from 'yaml';
import { parseDescriptors } from './descriptors.ts';
import { UserError } from './user-error.ts';

/** Contracts of others too, but every service of the chassis serves them or answers with them. */
const CHASSIS = new Set(['proto/google', 'proto/grpc']);

/**
 * The descriptors without the contracts of other services, which a client of theirs brought along and
 * `lint.ignore` of `buf.yaml` names: they are not this service's promise. Of those that its own files
 * import the messages stay.
 * @throws UserError when one of both is not what its name says
 */
export function withoutForeign(descriptors: Buffer, bufYaml: string): Buffer {
  const ignored = ignoredInLint(bufYaml).filter((path) => !CHASSIS.has(path));
  if (ignored.length === 0) return descriptors;
  const set = parseDescriptors(descriptors);
  const isForeign = (file: string) =>
    ignored.some((path) => `proto/${file}` === path || `proto/${file}`.startsWith(`${path}/`));
  const needed = neededBy(
    set.file.map(({ name }) => name).filter((name) => !isForeign(name)),
    set,
  );
  set.file = set.file.filter(({ name }) => needed.has(name));
  for (const file of set.file) if (isForeign(file.name)) file.service = [];
  return Buffer.from(toBinary(FileDescriptorSetSchema, set));
}

/** The files of these names and all that they import. */
function neededBy(names: readonly string[], { file: files }: FileDescriptorSet): ReadonlySet<string> {
  const imports = new Map(files.map(({ name, dependency }) => [name, dependency]));
  const needed = new Set(names);
  // A set is walked on into what is added on the way.
  for (const name of needed) for (const path of imports.get(name) ?? []) needed.add(path);
  return needed;
}

function ignoredInLint(bufYaml: string): string[] {
  try {
    const config = parse(bufYaml) as { readonly lint?: { readonly ignore?: readonly string[] } } | null;
    return (config?.lint?.ignore ?? []).map((path) => path.replace(/\/+$/, ''));
  } catch (cause) {
    throw new UserError(`buf.yaml cannot be read: ${(cause as Error).message}`, { cause });
  }
}
