import 'reflect-metadata';
import type { z } from 'zod';
import type { ChassisConfig } from './config.schema.js';

/** The chassis' keys and those of a shape, for `Config<ConfigOf<typeof mailConfig>>`. */
export type ConfigOf<Shape extends z.ZodRawShape> = ChassisConfig & z.output<z.ZodObject<Shape>>;

const KEYS = Symbol('chassis.config-keys');

/**
 * Gives the service configuration keys that a provider brings along: validated with all others, listed in
 * `.env.example` and in `GET /config`. A module that no longer has the provider has no such keys.
 *
 * @example
 * ```ts
 * const mailConfig = { MAIL_URL: z.url().default('smtp://localhost').describe('The mail server.') };
 *
 * @Injectable()
 * @ConfigKeys(mailConfig)
 * export class MailClient {
 *   constructor(config: Config<ConfigOf<typeof mailConfig>>) {}
 * }
 * ```
 */
export function ConfigKeys(shape: z.ZodRawShape): ClassDecorator {
  return (target) => Reflect.defineMetadata(KEYS, shape, target);
}

/** What `@ConfigKeys` says of a class, `undefined` when nothing does. */
export function configKeysOf(target: object): z.ZodRawShape | undefined {
  return Reflect.getOwnMetadata(KEYS, target) as z.ZodRawShape | undefined;
}
