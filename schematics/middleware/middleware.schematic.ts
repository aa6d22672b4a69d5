import { chain, type Rule } from '@angular-devkit/schematics';
import { featurePlace } from '../shared/feature-place.ts';
import { formatChanged } from '../shared/format.ts';
import { nameOf } from '../shared/names.ts';
import { checkReach, registerGlobally, surroundFeature, type Reach } from '../shared/reach.ts';
import { requireFree, requireFreeInFeatures } from '../shared/require-free.ts';
import { writeTemplates } from '../shared/templates.ts';

/** The options of schema.json. */
export interface MiddlewareOptions extends Reach {
  readonly name: string;
}

export function middleware({ name: text, ...reach }: MiddlewareOptions): Rule {
  const name = nameOf(text.replace(/[-_ ]?middleware$/i, ''));
  checkReach(reach);
  const files = [`${name.kebab}.middleware.ts`, `${name.kebab}.middleware.spec.ts`];
  return (tree) => {
    if (reach.global) {
      const folder = `/src/features/${name.kebab}`;
      return chain([
        requireFreeInFeatures(`${name.kebab}.middleware.ts`),
        requireFree(folder, ...files, `${name.kebab}.module.ts`),
        writeTemplates('./files', { file: name.kebab, name, tag: undefined }, folder),
        writeTemplates('./module', { file: name.kebab, name }, folder),
        registerGlobally(name),
        formatChanged(),
      ]);
    }
    const place = featurePlace(tree, reach.feature);
    const added = { name: `${name.pascal}Middleware`, from: `./${name.kebab}.middleware.js` };
    return chain([
      requireFreeInFeatures(`${name.kebab}.middleware.ts`),
      requireFree(place.folder, ...files),
      writeTemplates('./files', { file: name.kebab, name, tag: place.name }, place.folder),
      surroundFeature(place, added),
      formatChanged(),
    ]);
  };
}
