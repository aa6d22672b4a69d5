import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contracts } from '../contract/contracts.ts';
import { operationsOf } from '../contract/open-api.ts';
import { clientPackage } from './package.ts';
import { restExample } from './rest-example.ts';
import type { NamedService } from './services.ts';

/** The client's README: how to use it, what the features have to show (their `sdk.md`), and every call. */
export function readme(root: string, contracts: Contracts, services: readonly NamedService[]): string {
  const { name } = clientPackage(contracts);
  const frame = readFileSync(join(import.meta.dirname, 'README.template.md'), 'utf8');
  const examples = globSync('src/features/*/sdk.md', { cwd: root }).toSorted();
  const texts = examples.map((file) => readFileSync(join(root, file), 'utf8').trim());
  const parts: Readonly<Record<string, string>> = {
    name,
    service: contracts.package.name,
    version: contracts.package.version,
    rest: restExample(contracts.openApi, name),
    features: texts.join('\n\n'),
    operations: operations(contracts),
    rpcs: rpcs(services),
  };
  const fill = (text: string) => text.replaceAll(/\{\{(\w+)\}\}/g, (_, part: string) => parts[part] ?? '');
  // Twice: what the features show names the package, too.
  const filled = fill(fill(frame));
  return `${filled.replaceAll(/\n{3,}/g, '\n\n').trim()}\n`;
}

function operations({ openApi }: Contracts): string {
  const rows = operationsOf(openApi).map(
    ({ method, path, summary = '' }) => `| \`rest.${method.toUpperCase()}('${path}', …)\` | ${summary} |`,
  );
  return table('REST', rows) || 'The service has no REST operation.';
}

function rpcs(services: readonly NamedService[]): string {
  const rows = services.flatMap(({ key, service }) =>
    service.methods.map(
      ({ localName, name, methodKind }) =>
        `| \`grpc.${key}.${localName}(…)\` | \`${service.typeName}/${name}\`, ${methodKind.replace('_', ' ')} |`,
    ),
  );
  return table('gRPC', rows);
}

function table(name: string, rows: readonly string[]): string {
  return rows.length === 0 ? '' : [`| ${name} | |`, '| --- | --- |', ...rows].join('\n');
}
