import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileAt, type Baseline } from './baseline.ts';
import { DESCRIPTORS } from './descriptors.ts';
import { withoutForeign } from './foreign.ts';
import type { OpenApi } from './open-api.ts';
import { UserError } from './user-error.ts';

export const OPENAPI = 'contracts/openapi.json';

/** What a service promises, and the version that it promises it under. */
export interface Contracts {
  readonly openApi: OpenApi;
  /** A `google.protobuf.FileDescriptorSet`, without the contracts of other services. */
  readonly descriptors: Buffer;
  readonly package: { readonly name: string; readonly version: string };
}

/** Reads a file by its path in the project; `undefined` where there is none. */
type Read = (path: string) => Promise<Buffer | undefined>;

/**
 * The contracts in the folder of the project.
 * @throws UserError when a file is missing or is not what its name says
 */
export function readContracts(root: string): Promise<Contracts> {
  const read: Read = (path) => readFile(join(root, path)).catch(() => undefined);
  return load(read, '', 'Run "npm run contract" and commit what it writes.');
}

/** The contracts as a commit has them. */
export function readContractsAt(baseline: Baseline, root: string): Promise<Contracts> {
  const read: Read = (path) => fileAt(baseline, root, path);
  return load(read, ` in ${baseline.name}`, 'Compare with a commit that has it: --against <ref>.');
}

async function load(read: Read, where: string, remedy: string): Promise<Contracts> {
  const text = async (path: string) => {
    const bytes = await read(path);
    if (!bytes) throw new UserError(`There is no ${path}${where}. ${remedy}`);
    return bytes;
  };
  const json = async (path: string) => {
    const parsed = parse(await text(path));
    if (typeof parsed === 'object' && parsed !== null) return parsed;
    throw new UserError(`${path}${where} is no JSON object. ${remedy}`);
  };
  const openApi = (await json(OPENAPI)) as OpenApi;
  if (typeof openApi.paths !== 'object')
    throw new UserError(`${OPENAPI}${where} is no OpenAPI document: it has no "paths". ${remedy}`);
  const { name, version } = (await json('package.json')) as Partial<Contracts['package']>;
  if (typeof name !== 'string' || typeof version !== 'string')
    throw new UserError(`package.json${where} has no "name" or no "version". Add both.`);
  const bufYaml = (await read('buf.yaml')) ?? '';
  const descriptors = withoutForeign(await text(DESCRIPTORS), bufYaml.toString());
  return { openApi, descriptors, package: { name, version } };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
