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
  const { items, item, rest, grpc, crud, database } = plan;
  // Nest's decorator, where the record has its name: `Post` of `posts`.
  const local = (decorator: string) => (decorator === item.pascal ? `Http${decorator}` : decorator);
  const imported = (decorator: string) =>
    decorator === item.pascal ? `${decorator} as ${local(decorator)}` : decorator;
  const texts = { a: withArticle, rpcKey, local, imported };
  const values = { ...plan, feature: items.kebab, package: items.snake, ...texts };
  const write = (folder: string, isWanted = true) =>
    isWanted ? writeTemplates(`./files/${folder}`, values) : noop();
  return chain([
    refuseClashes(plan),
    write('common'),
    write('rest', rest),
    write('grpc', grpc),
    write('pages', crud),
    write('drift', crud && rest && grpc),
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
