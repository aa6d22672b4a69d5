import { chain, type Rule, type Tree } from '@angular-devkit/schematics';
import { basename } from 'node:path';
import { addToFeatureJson } from '../shared/feature-json.ts';
import { refuse } from '../shared/refuse.ts';
import { writeTemplates } from '../shared/templates.ts';
import type { ClientSource } from './client-source.ts';
import { readProto, type ProtoService } from './read-proto.ts';

/** A client of a .proto: the file among the project's, and a class with a method an rpc. */
export async function grpcClient({ name, file, contract, folder, service }: ClientSource): Promise<Rule> {
  const proto = await readProto(contract, file);
  const { rpcs, fullName, constant } = choose(proto.services, service, file);
  const path = `${proto.folder}/${basename(file)}`;
  const generated = `#generated/${path.replace(/\.proto$/, '')}`;
  const unary = rpcs.find(({ kind }) => kind === 'unary');
  const values = { file: name.kebab, name, rpcs, fullName, constant, generated, unary };
  return chain([
    writeTemplates('./grpc', values, folder),
    addProto(path, contract),
    addToFeatureJson(folder, [`proto/${path}`, `src/generated/${path.replace(/\.proto$/, '.ts')}`]),
  ]);
}

function choose(services: readonly ProtoService[], wanted: string | undefined, file: string): ProtoService {
  const names = services.map(({ name }) => name).join(', ');
  if (services.length === 0) refuse(`--from ${file}: the .proto has no service`);
  if (wanted === undefined && services.length > 1)
    refuse(`--from ${file}: the .proto has several services, --service says which: ${names}`);
  const found = wanted === undefined ? services[0] : services.find(({ name }) => name === wanted);
  return found ?? refuse(`--service ${wanted}: the .proto has ${names}`);
}

/** Contracts of others are kept as they are: their style is not ours to check. */
function addProto(path: string, contract: string): Rule {
  return (tree) => {
    const target = `/proto/${path}`;
    if (!tree.exists(target)) {
      tree.create(target, contract);
      ignoreInLint(tree, `proto/${path}`);
    } else if (tree.readText(target) !== contract)
      refuse(`${target.slice(1)} is there already with another text; take it away or call it otherwise`);
  };
}

function ignoreInLint(tree: Tree, path: string): void {
  const lines = tree.readText('/buf.yaml').split('\n');
  const start = lines.indexOf('  ignore:');
  if (start === -1) refuse('buf.yaml has no lint.ignore to name the contract of another service in');
  const isEntry = (line: string) => /^ {4}(- |#)/.test(line);
  const end = lines.findIndex((line, index) => index > start && !isEntry(line));
  tree.overwrite('/buf.yaml', lines.toSpliced(end, 0, `    - ${path}`).join('\n'));
}
