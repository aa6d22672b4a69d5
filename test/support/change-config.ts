import { chassisConfigSchema, type ChassisConfig, type Config } from '#chassis/config';

/** Changes keys of a running service as one, as a source of its configuration does. @throws what a subscriber refuses with */
export async function changeConfig(config: Config, changes: Partial<ChassisConfig>): Promise<void> {
  const keys = Object.keys(chassisConfigSchema.shape) as (keyof ChassisConfig)[];
  const values = Object.fromEntries(keys.map((key) => [key, config.get(key)]));
  await config.change({ ...(values as unknown as ChassisConfig), ...changes }, new Map());
}
