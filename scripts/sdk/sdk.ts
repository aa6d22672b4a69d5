import { cp, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readContracts } from '../contract/contracts.ts';
import { run } from '../contract/program.ts';
import { UserError } from '../contract/user-error.ts';
import { assertReplaceable } from './out-folder.ts';
import { clientPackage, writePackage, type ClientPackage } from './package.ts';
import { servicesOf } from './services.ts';
import { writeSources } from './sources.ts';

/** What goes into the package from the folder where it is built. */
const PARTS = ['dist', 'README.md', 'LICENSE', 'package.json'];

export interface Sdk extends ClientPackage {
  /** Where the package is. */
  readonly folder: string;
}

/**
 * Makes the client package of the service in `root`. It is built aside: `folder` has the whole new package,
 * or what it had before.
 * @throws UserError when the contracts cannot be read, or `folder` has something else in it
 */
export async function makeSdk(root: string, folder: string): Promise<Sdk> {
  const contracts = await readContracts(root);
  const client = clientPackage(contracts);
  await assertReplaceable(folder, client.name);
  const aside = await mkdtemp(join(tmpdir(), 'sdk-'));
  try {
    const services = servicesOf(contracts.descriptors);
    await writeSources(root, aside, contracts, services);
    await compile(root, aside);
    await writePackage(root, aside, contracts, services);
    await replace(aside, folder);
  } finally {
    await rm(aside, { recursive: true });
  }
  return { ...client, folder };
}

async function compile(root: string, aside: string): Promise<void> {
  await symlink(join(root, 'node_modules'), join(aside, 'node_modules'));
  const { code, stdout } = await run('tsc', ['-p', aside], root);
  if (code !== 0)
    throw new UserError(`The client made from contracts/ does not compile:\n${stdout.toString().trim()}`);
}

async function replace(aside: string, folder: string): Promise<void> {
  const next = `${folder}.new`;
  await mkdir(dirname(folder), { recursive: true });
  await rm(next, { recursive: true, force: true });
  await cp(aside, next, { recursive: true, filter: (path) => isPart(aside, path) });
  await rm(folder, { recursive: true, force: true });
  await rename(next, folder);
}

function isPart(aside: string, path: string): boolean {
  return path === aside || PARTS.some((part) => `${path}/`.startsWith(`${join(aside, part)}/`));
}
