import { chain, noop, type Rule } from '@angular-devkit/schematics';
import { formatChanged } from '../shared/format.ts';
import { addToModule, ROOT_MODULE } from '../shared/module-imports.ts';
import { rpcKey } from '../shared/rpc-key.ts';
import { writeTemplates } from '../shared/templates.ts';
import { refuseClashes } from './clashes.ts';
import { planFeature, type FeatureOptions } from './plan.ts';

/** `nest generate feature <name>`. */
export function feature(options: FeatureOptions): Rule {
  const plan = planFeature(options);
  const { items, rest, grpc, crud, database } = plan;
  const values = { ...plan, feature: items.kebab, package: items.snake, a: withArticle, rpcKey };
  const write = (folder: string, isWanted = true) =>
    isWanted ? writeTemplates(`./files/${folder}`, values) : noop();
  return chain([
    refuseClashes(plan),
    write('common'),
    write('rest', rest),
    write('grpc', grpc),
    write('pages', crud),
    write(database ? 'table' : 'memory'),
    addToModule(ROOT_MODULE, 'imports', {
      name: `${items.pascal}Module`,
      from: `./features/${items.kebab}/${items.kebab}.module.js`,
    }),
    formatChanged(),
  ]);
}

/** `an invoice`, `a user`. */
function withArticle({ text }: { readonly text: string }): string {
  return `${/^(?!eu|one|uni|us[ae])[aeiou]/.test(text) ? 'an' : 'a'} ${text}`;
}
