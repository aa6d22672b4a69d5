import { chain, type Rule } from '@angular-devkit/schematics';
import { decorateControllers } from './decorate-controllers.ts';
import { addToModule, ROOT_MODULE } from './module-imports.ts';
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

/** A provider of the feature, in front of all its controllers. */
export function registerInFeature(
  { folder, module }: { readonly folder: string; readonly module: string },
  decorator: 'UseGuards' | 'UseInterceptors',
  added: { readonly name: string; readonly from: string },
): Rule {
  return chain([addToModule(module, 'providers', added), decorateControllers(folder, decorator, added)]);
}
