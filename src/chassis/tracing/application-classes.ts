import type { ForwardReference, Provider, Type } from '@nestjs/common';
import 'reflect-metadata';

/**
 * The classes that an application's own modules provide: controllers and providers of the static
 * modules that can be reached from `root`. Dynamic modules are libraries and stay out.
 */
export function applicationClasses(root: Type): Set<unknown> {
  const classes = new Set<unknown>();
  const modules = new Set<unknown>();
  const visit = (imported: unknown): void => {
    const module = resolveForwardRef(imported);
    if (typeof module !== 'function' || modules.has(module)) return;
    modules.add(module);
    for (const controller of list(module, 'controllers')) classes.add(controller);
    for (const provider of list(module, 'providers')) classes.add(classOf(provider as Provider));
    for (const next of list(module, 'imports')) visit(next);
  };
  visit(root);
  classes.delete(undefined);
  return classes;
}

/** Modules that import each other name one another by `forwardRef`. */
function resolveForwardRef(imported: unknown): unknown {
  const isReference = typeof imported === 'object' && imported !== null && 'forwardRef' in imported;
  return isReference ? (imported as ForwardReference<() => unknown>).forwardRef() : imported;
}

function list(module: object, key: string): readonly unknown[] {
  return (Reflect.getMetadata(key, module) as readonly unknown[] | undefined) ?? [];
}

function classOf(provider: Provider): unknown {
  if (typeof provider === 'function') return provider;
  return 'useClass' in provider ? provider.useClass : undefined;
}
