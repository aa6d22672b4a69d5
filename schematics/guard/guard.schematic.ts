import { chain, type Rule } from '@angular-devkit/schematics';
import { addErrorRow } from '../shared/error-rows.ts';
import { featurePlace } from '../shared/feature-place.ts';
import { formatChanged } from '../shared/format.ts';
import { nameOf } from '../shared/names.ts';
import { checkReach, guardFeature, registerGlobally, type Reach } from '../shared/reach.ts';
import { requireFree, requireFreeInFeatures, requireFreeReason } from '../shared/require-free.ts';
import { writeTemplates } from '../shared/templates.ts';

/** The options of schema.json. */
export interface GuardOptions extends Reach {
  readonly name: string;
}

export function guard({ name: text, ...reach }: GuardOptions): Rule {
  const name = nameOf(text.replace(/[-_ ]?guard$/i, ''));
  checkReach(reach);
  const files = [`${name.kebab}.guard.ts`, `${name.kebab}.guard.spec.ts`];
  return (tree) => {
    const reason = `${name.constant}_REFUSED`;
    const row = { reason, code: 'PERMISSION_DENIED', status: 403, when: `\`${name.pascal}Guard\` said no` };
    if (reach.global) {
      const folder = `/src/features/${name.kebab}`;
      return chain([
        requireFreeInFeatures(`${name.kebab}.guard.ts`),
        requireFree(folder, ...files, `${name.kebab}.module.ts`),
        requireFreeReason(reason),
        writeTemplates('./files', { file: name.kebab, name, reason }, folder),
        writeTemplates('./module', { file: name.kebab, name }, folder),
        addErrorRow(folder, name.text, row),
        registerGlobally(name),
        formatChanged(),
      ]);
    }
    const place = featurePlace(tree, reach.feature);
    const added = { name: `${name.pascal}Guard`, from: `./${name.kebab}.guard.js` };
    return chain([
      requireFreeInFeatures(`${name.kebab}.guard.ts`),
      requireFree(place.folder, ...files),
      requireFreeReason(reason),
      writeTemplates('./files', { file: name.kebab, name, reason }, place.folder),
      addErrorRow(place.folder, place.name, row),
      guardFeature(place, added),
      formatChanged(),
    ]);
  };
}
