import { chain, type Rule } from '@angular-devkit/schematics';
import { featurePlace } from '../shared/feature-place.ts';
import { formatChanged } from '../shared/format.ts';
import { addToModule } from '../shared/module-imports.ts';
import { nameOf } from '../shared/names.ts';
import { requireFree, requireFreeInFeatures, requireFreeKeys } from '../shared/require-free.ts';
import { writeTemplates } from '../shared/templates.ts';

/** The options of schema.json. */
export interface HealthIndicatorOptions {
  readonly name: string;
  readonly feature?: string;
  readonly critical?: boolean;
}

export function healthIndicator({ name: text, feature, critical = false }: HealthIndicatorOptions): Rule {
  const name = nameOf(text.replace(/[-_ ]?health([-_ ]?indicator)?$/i, ''));
  return (tree) => {
    const place = featurePlace(tree, feature);
    return chain([
      requireFreeInFeatures(`${name.kebab}.health.ts`),
      requireFreeKeys(`${name.constant}_HEALTH_URL`),
      requireFree(place.folder, `${name.kebab}.health.ts`, `${name.kebab}.health.spec.ts`),
      writeTemplates('./files', { file: name.kebab, name, critical }, place.folder),
      addToModule(place.module, 'providers', {
        name: `${name.pascal}Health`,
        from: `./${name.kebab}.health.js`,
      }),
      formatChanged(),
    ]);
  };
}
