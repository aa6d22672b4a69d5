import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import openapiTypes, { astToString, type OpenAPI3 } from 'openapi-typescript';
import type { Contracts } from '../contract/contracts.ts';
import { run } from '../contract/program.ts';
import { UserError } from '../contract/user-error.ts';
import type { NamedService } from './services.ts';

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    module: 'nodenext',
    types: ['node'],
    rootDir: 'src',
    outDir: 'dist',
    declaration: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    noPropertyAccessFromIndexSignature: true,
    noUnusedLocals: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
  },
  include: ['src'],
};

/** Writes the client's sources under `aside`: the template, and what is made from the contracts. */
export async function writeSources(
  root: string,
  aside: string,
  { openApi, descriptors }: Contracts,
  services: readonly NamedService[],
): Promise<void> {
  const sources = join(aside, 'src');
  await cp(join(import.meta.dirname, 'template'), sources, { recursive: true });
  const messages = join(aside, 'descriptors.binpb');
  await writeFile(messages, descriptors);
  await generateMessages(root, messages, join(sources, 'proto'));
  const types = await openapiTypes(openApi as unknown as OpenAPI3);
  await writeFile(join(sources, 'schema.ts'), astToString(types));
  await writeFile(join(sources, 'services.ts'), servicesSource(services));
  await writeFile(join(sources, 'index.ts'), "export * from './rest.js';\nexport * from './grpc.js';\n");
  await writeFile(join(aside, 'package.json'), '{ "type": "module" }');
  await writeFile(join(aside, 'tsconfig.json'), JSON.stringify(TSCONFIG));
}

async function generateMessages(root: string, descriptors: string, out: string): Promise<void> {
  const plugin = { local: 'protoc-gen-es', out, opt: ['target=ts', 'import_extension=js'] };
  const template = JSON.stringify({ version: 'v2', plugins: [plugin] });
  const { code, stderr } = await run('buf', ['generate', descriptors, '--template', template], root);
  if (code !== 0) throw new UserError(`buf cannot generate the client's messages:\n${stderr.trim()}`);
}

function servicesSource(services: readonly NamedService[]): string {
  const imports = services.map(
    ({ key, service }) => `import { ${service.name} as ${key} } from './proto/${service.file.name}_pb.js';`,
  );
  const keys = services.map(({ key }) => key).join(', ');
  return `${imports.join('\n')}\n\n/** The gRPC services by the names of their clients. */\nexport const services = { ${keys} } as const;\n`;
}
