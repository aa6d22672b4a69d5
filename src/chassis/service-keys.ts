import type { z } from 'zod';
import { chassisConfigSchema, configKeysOf } from './config/index.js';
import { StartError } from './errors/index.js';
import type { ServiceDefinition } from './start-service.js';
import { applicationClasses } from './tracing/index.js';

/**
 * The configuration keys of a service beside the chassis' own: those of its definition, and those that its
 * modules' providers bring along by `@ConfigKeys`.
 * @throws {StartError} when two of them have the same name
 */
export function serviceKeys({
  module,
  config = {},
}: Pick<ServiceDefinition, 'module' | 'config'>): z.ZodRawShape {
  const all: Record<string, z.ZodRawShape[string]> = {};
  const shapes = [...applicationClasses(module)].map((type) => configKeysOf(type as object));
  for (const shape of [config, ...new Set(shapes)]) {
    for (const [key, field] of Object.entries(shape ?? {})) {
      if (key in all || key in chassisConfigSchema.shape)
        throw new StartError(
          `The configuration key ${key} is declared twice; give one of them another name.`,
        );
      all[key] = field;
    }
  }
  return all;
}
