import { ConfigSources } from '#chassis/config';
import { serviceOptions } from './service-options.ts';

/** Loads the configuration as the service does. @throws with every fault */
export async function check(): Promise<void> {
  const { config, sources } = await ConfigSources.open(await serviceOptions());
  sources.stop();
  for (const { source, reason } of sources.standIns)
    console.error(`${source} is of no use, its snapshot stands in: ${reason}`);
  for (const { source, name, key } of sources.misspelt)
    console.error(`${name} (from ${source}) is no key of this service and does nothing: is ${key} meant?`);
  const entries = config.describe();
  const set = entries.filter(({ source }) => source !== 'default');
  console.log(`The configuration is valid: ${entries.length} keys, ${set.length} of them set.`);
}
