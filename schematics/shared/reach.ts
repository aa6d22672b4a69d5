import { chain, type Rule } from '@angular-devkit/schematics';
import { decorateControllers } from './decorate-controllers.ts';
import type { FeaturePlace } from './feature-place.ts';
import { addToModule, ROOT_MODULE, type Import } from './module-imports.ts';
import type { Name } from './names.ts';
import { refuse } from './refuse.ts';

/** Where a guard or a middleware acts. */
export interface Reach {
  readonly feature?: string;
  readonly global?: boolean;
}

/** @throws SchematicsException when both are said, which mean different things */
export function checkReach({ feature, global = false }: Reach): void {
  if (global && feature !== undefined) refuse('--global and --feature are two places; leave one of them out');
}

/** The module of a feature that is nothing but this class, imported by the application. */
export function registerGlobally(name: Name): Rule {
  const module = `${name.pascal}Module`;
  return addToModule(ROOT_MODULE, 'imports', {
    name: module,
    from: `./features/${name.kebab}/${name.kebab}.module.js`,
  });
}

/** A guard of the feature, in front of all its controllers. */
export function guardFeature({ folder, module }: FeaturePlace, guard: Import): Rule {
  const imports = [{ name: 'UseGuards', from: '@nestjs/common' }, guard];
  return chain([
    addToModule(module, 'providers', guard),
    decorateControllers(folder, { decorator: 'UseGuards', argument: guard.name, imports }),
  ]);
}

/** A middleware of the feature, whose controllers bear its name as the tag that chooses them. */
export function surroundFeature({ name, folder, module }: FeaturePlace, middleware: Import): Rule {
  const imports = [{ name: 'Tags', from: '#chassis/middleware' }];
  return chain([
    addToModule(module, 'providers', middleware),
    decorateControllers(folder, { decorator: 'Tags', argument: `'${name}'`, imports }),
  ]);
}
