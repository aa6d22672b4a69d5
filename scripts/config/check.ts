import { ConfigSources } from '#chassis/config';
import { serviceOptions } from './service-options.ts';

/** Loads the configuration as the service does. @throws with every fault */
export async function check(): Promise<void> {
  const { config, sources } = await ConfigSources.open(await serviceOptions());
  sources.stop();
  for (const { source, reason } of sources.standIns)
    console.error(`${source} is of no use, its snapshot stands in: ${reason}`);
  for (const warning of sources.misspelt) console.error(warning);
  const entries = config.describe();
  const set = entries.filter(({ source }) => source !== 'default');
  console.log(`The configuration is valid: ${entries.length} keys, ${set.length} of them set.`);
}
