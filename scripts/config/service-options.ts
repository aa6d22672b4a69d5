import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { serviceKeys } from '#chassis';
import { chassisConfigSchema, type LoadConfigOptions } from '#chassis/config';
import type { z } from 'zod';
import { UsageError } from './usage-error.ts';

/** What the built service would load its configuration with, in this environment. */
export async function serviceOptions(): Promise<
  Required<Pick<LoadConfigOptions, 'shape'>> & LoadConfigOptions
> {
  const { service } = (await import(
    new URL('../../dist/app.module.js', import.meta.url).href
  )) as typeof import('../../src/app.module.js');
  return {
    env: process.env,
    directory: fileURLToPath(service.root),
    shape: serviceKeys(service),
    ...(service.secretProviders && { secretProviders: service.secretProviders }),
  };
}

/** The field of a key. @throws {UsageError} naming keys that are like it */
export function fieldOf(shape: z.ZodRawShape, key: string): z.ZodType {
  const fields: z.ZodRawShape = { ...chassisConfigSchema.shape, ...shape };
  const field = fields[key];
  if (field) return field as z.ZodType;
  const words = key.toUpperCase().split('_');
  const like = Object.keys(fields).filter((name) =>
    words.some((word) => word.length > 2 && name.includes(word)),
  );
  const hint = like.length > 0 ? `. Like it: ${like.slice(0, 5).join(', ')}` : '';
  throw new UsageError(`The service has no key ${key}${hint}`);
}
