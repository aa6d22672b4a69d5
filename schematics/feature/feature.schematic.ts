import { chain, type Rule } from '@angular-devkit/schematics';
import { formatChanged } from '../shared/format.ts';
import { addToModule, ROOT_MODULE } from '../shared/module-imports.ts';
import { nameOf } from '../shared/names.ts';

/** The options of schema.json. */
export interface FeatureOptions {
  readonly name: string;
}

export function feature(options: FeatureOptions): Rule {
  const name = nameOf(options.name);
  return chain([
    addToModule(ROOT_MODULE, 'imports', {
      name: `${name.pascal}Module`,
      from: `./features/${name.kebab}/${name.kebab}.module.js`,
    }),
    formatChanged(),
  ]);
}
