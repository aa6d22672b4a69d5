import type { Rule, Tree } from '@angular-devkit/schematics';
import { refuse } from '../shared/refuse.ts';
import { allTexts, foldersOf } from '../shared/tree.ts';
import type { FeaturePlan } from './plan.ts';

/** The parts of contracts/openapi.json that a feature adds to. */
interface OpenApi {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, { readonly operationId?: string }>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

/** Refuses a feature when anything of it is there already. */
export function refuseClashes(plan: FeaturePlan): Rule {
  return (tree) => {
    const taken = [
      capability(tree, plan),
      folders(tree, plan),
      ...(plan.rest ? restContract(tree, plan) : []),
      table(tree, plan),
      reasons(tree, plan),
    ].find((clash) => clash !== undefined);
    if (taken) refuse(`${taken}; choose another name, or remove what is there first`);
  };
}

/** A feature of a capability's name would be taken for it in spans, metrics and configuration. */
function capability(tree: Tree, { items, item }: FeaturePlan): string | undefined {
  const found = foldersOf(tree, '/src/chassis').find((name) => [items.kebab, item.kebab].includes(name));
  return found && `"${found}" is a capability of the chassis (src/chassis/${found})`;
}

function folders(tree: Tree, { items, item }: FeaturePlan): string | undefined {
  for (const { kebab, snake } of [items, item]) {
    const paths = [`src/features/${kebab}`, `proto/${snake}`, `src/generated/${snake}`];
    const folder = paths.find((path) => !isEmpty(tree, path));
    if (folder) return `${folder} is there already`;
  }
  const file = tree.getDir('/test/features').subfiles.find((name) => name.startsWith(`${items.kebab}.`));
  if (file) return `test/features/${file} is there already`;
  const row = `grafana/features/${items.kebab}.row.ts`;
  return tree.exists(row) ? `${row} is there already` : undefined;
}

function isEmpty(tree: Tree, path: string): boolean {
  const { subdirs, subfiles } = tree.getDir(path);
  return subdirs.length + subfiles.length === 0;
}

function restContract(tree: Tree, { items, item, crud }: FeaturePlan): (string | undefined)[] {
  const file = 'contracts/openapi.json';
  if (!tree.exists(file)) return [];
  const { paths = {}, components = {} } = tree.readJson(file) as OpenApi;
  const path = Object.keys(paths).find((each) => `${each}/`.startsWith(`/v1/${items.kebab}/`));
  const own = crud ? ['Create', 'Replace', '', 'Page'] : ['Create', ''];
  const schemas = own.map((role) => (role === 'Page' ? `${item.pascal}Page` : `${role}${item.pascal}`));
  const schema = schemas.find((id) => id in (components.schemas ?? {}));
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const ids = ['create', 'get', 'update', 'delete'].map((verb) => verb + item.pascal);
  const operation = operations.find(({ operationId = '' }) =>
    [...ids, `list${items.pascal}`].includes(operationId),
  );
  return [
    path && `The route ${path} is served already (${file})`,
    schema && `The schema "${schema}" is in use already (${file})`,
    operation && `The operation "${operation.operationId}" is in use already (${file})`,
  ];
}

function table(tree: Tree, { items, database }: FeaturePlan): string | undefined {
  if (!database) return undefined;
  const create = new RegExp(`create (table|view)( if not exists)? "?${items.snake}"?\\s*\\(`, 'i');
  const found = allTexts(tree, '/src', /\.ts$/).find(({ text }) => create.test(text));
  return found && `The table ${items.snake} is made already in ${found.path}`;
}

function reasons(tree: Tree, { item }: FeaturePlan): string | undefined {
  const own = new RegExp(`\`${item.constant}_(NOT_FOUND|VERSION_MISMATCH)\``);
  const lists = [
    ...allTexts(tree, '/src/features', /errors\.md$/),
    ...allTexts(tree, '/docs', /errors\.md$/),
  ];
  const found = lists.find(({ text }) => own.test(text));
  return found && `The reason ${own.exec(found.text)?.[0]} is in use already (${found.path})`;
}
