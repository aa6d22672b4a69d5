import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { MiddlewareChange, MiddlewareName } from '../config/index.js';
import { StartError } from '../errors/index.js';
import type { CallMiddleware } from './call-middleware.js';
import { middlewareOptionsOf, type MiddlewareOptions } from './middleware.decorator.js';
import type { Registration } from './middlewares.js';
import { PHASES, type PhaseMethod } from './phase.js';
import { Usage } from './usage.js';

/** What of the options is data: the rest is name and schema. */
const Options = MiddlewareChange.omit({ settings: true });

/** Finds the application's providers that are marked with `@Middleware`. */
@Injectable()
export class MiddlewareFinder {
  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws {StartError} with all that is wrong with all of them */
  find(): Registration[] {
    const faults: string[] = [];
    const names = new Set<string>();
    const byInstance = new Map(
      this.discovery.getProviders().map((wrapper) => [wrapper.instance as unknown, wrapper]),
    );
    const found = [...byInstance].flatMap(([instance, wrapper]): Registration[] => {
      if (typeof instance !== 'object' || instance === null) return [];
      const { constructor } = instance;
      const marked = middlewareOptionsOf(constructor);
      if (!marked) return [];
      const { name, ...options } = marked;
      const tell = (fault: string): void => void faults.push(`${constructor.name} ${fault}`);
      if (names.has(name)) tell(`has the name "${name}", which another middleware has already`);
      names.add(name);
      if (!wrapper.isDependencyTreeStatic())
        tell('depends on a request-scoped provider, and one instance of it acts on all calls');
      if (wrapper.isTransient) tell('is transient, and one instance of it acts on all calls');
      for (const fault of faultsOf(name, options, instance)) tell(fault);
      const middleware = instance as CallMiddleware<never>;
      return [{ name, middleware, options, source: 'application', usage: new Usage() }];
    });
    if (faults.length > 0)
      throw new StartError(`Middlewares cannot act as they are declared: ${faults.join('; ')}`);
    return found;
  }
}

/** What is wrong with a middleware's name, options and phases. */
export function faultsOf(
  name: unknown,
  options: Omit<MiddlewareOptions, 'name'>,
  middleware: object,
): string[] {
  const { settings: _, ...data } = options;
  const named = MiddlewareName.safeParse(name);
  const said = Options.safeParse(data);
  const issues = [
    ...(named.error?.issues.map(({ message }) => `has a bad name: it ${message}`) ?? []),
    ...(said.error?.issues.map(({ path, message }) => `has a bad option ${path.join('.')}: ${message}`) ??
      []),
  ];
  const methods = middleware as Record<string, unknown>;
  const phases = (Object.keys(PHASES) as PhaseMethod[]).filter(
    (phase) => typeof methods[phase] === 'function',
  );
  if (phases.length === 0)
    issues.push(`has no phase: it needs one at least of ${Object.keys(PHASES).join(', ')}`);
  return issues;
}
