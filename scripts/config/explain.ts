import { ConfigSources, isLive, typesOfKey, type Config } from '#chassis/config';
import { isEncrypted } from '#chassis/secrets';
import { fieldOf, serviceOptions } from './service-options.ts';

/** Prints what a key means and where its value comes from. @throws when the configuration is not valid */
export async function explain(key: string): Promise<void> {
  const options = await serviceOptions();
  const field = fieldOf(options.shape, key);
  const fallback = field.safeParse(undefined);
  console.log(`${key}: ${field.description ?? ''}`);
  console.log(`  type     ${typesOfKey(field).join(' or ').replaceAll('`', '')}`);
  console.log(`  default  ${fallback.success ? show(fallback.data) : 'none: it must be set'}`);
  console.log(`  change   ${isLive(field) ? 'live: while the service runs' : 'static: needs a restart'}`);
  const { config, sources } = await ConfigSources.open(options);
  sources.stop();
  const entry = config.describe().find((each) => each.key === key);
  console.log(`  value    ${show(entry?.value)}, from ${entry?.source}`);
  for (const { source, values } of sources.layers.toReversed())
    if (values[key] !== undefined)
      console.log(
        `  ${source === entry?.source ? '*' : ' '} ${source}: ${showLayer(config, key, values[key])}`,
      );
}

function showLayer(config: Config, key: string, value: unknown): string {
  return isEncrypted(value)
    ? `encrypted (${value.split(':').slice(1, -1).join(', key ')})`
    : show(config.redact(key, value));
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'not set';
  if (value === '') return 'empty';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
