import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contracts } from '../contract/contracts.ts';
import { readme } from './readme.ts';
import type { NamedService } from './services.ts';

export interface ClientPackage {
  /** `@acme/payments-sdk` of `@acme/payments`. */
  readonly name: string;
  /** The service's: what the client was made from. */
  readonly version: string;
}

/** Packages that the client needs when it runs, at the versions that it was built and tested with. */
const DEPENDENCIES = [
  '@bufbuild/protobuf',
  '@connectrpc/connect',
  '@connectrpc/connect-node',
  'openapi-fetch',
];

/** The name and version of a service's client. */
export function clientPackage({ package: { name, version } }: Contracts): ClientPackage {
  return { name: `${name}-sdk`, version };
}

/** Writes package.json, README.md and LICENSE beside the compiled client. */
export async function writePackage(
  root: string,
  aside: string,
  contracts: Contracts,
  services: readonly NamedService[],
): Promise<void> {
  const manifest = await manifestOf(root, contracts);
  await writeFile(join(aside, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFile(join(aside, 'README.md'), readme(root, contracts, services));
  await copyFile(join(root, 'LICENSE'), join(aside, 'LICENSE')).catch(() => undefined); // A service may have none.
}

interface ServicePackage {
  readonly license?: string;
  readonly repository?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

async function manifestOf(root: string, contracts: Contracts): Promise<object> {
  const text = await readFile(join(root, 'package.json'), 'utf8');
  const { license, repository, dependencies, devDependencies } = JSON.parse(text) as ServicePackage;
  const versions: Readonly<Record<string, string>> = { ...devDependencies, ...dependencies };
  return {
    ...clientPackage(contracts),
    description: `Typed client of ${contracts.package.name}, over REST and gRPC`,
    ...(license !== undefined && { license }),
    ...(repository !== undefined && { repository }),
    type: 'module',
    sideEffects: false,
    engines: { node: '>=22' },
    files: ['dist'],
    exports: {
      '.': exported('index'),
      './rest': exported('rest'),
      './grpc': exported('grpc'),
      './proto/*': exported('proto/*_pb'),
    },
    dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, versions[name] ?? '*'])),
  };
}

function exported(file: string): object {
  return { types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` };
}
