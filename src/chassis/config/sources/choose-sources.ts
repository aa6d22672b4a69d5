import { join } from 'node:path';
import { listOf } from '../list-of.js';
import type { SourceSettings } from '../sources.schema.js';
import { ConsulSource } from './consul-source.js';
import { EtcdSource } from './etcd-source.js';
import { LocalFollower } from './local-follower.js';
import { directorySource, fileSource } from './local-source.js';
import { RemoteFollower } from './remote-follower.js';

/** The files and folders that the settings name, in the order in which they win. */
export function chooseFiles(settings: SourceSettings): LocalFollower[] {
  const { CONFIG_MAX_BYTES: maxBytes, CONFIG_POLL_INTERVAL_MS: pollMs } = settings;
  return [
    ...listOf(settings.CONFIG_FILES).map((path) => fileSource(path, maxBytes)),
    ...listOf(settings.CONFIG_DIRECTORIES).map((path) => directorySource(path, maxBytes)),
  ].map((source) => new LocalFollower(source, pollMs));
}

/** The stores that the settings name, in the order in which they win. */
export function chooseStores(settings: SourceSettings): RemoteFollower[] {
  return [
    ...(settings.CONSUL_URL && settings.CONSUL_CONFIG_PREFIX ? [new ConsulSource(settings)] : []),
    ...(settings.ETCD_ENDPOINTS && settings.ETCD_CONFIG_PREFIX ? [new EtcdSource(settings)] : []),
  ].map((source) => new RemoteFollower(source));
}

/** Where the snapshot of the stores lies. */
export function snapshotPath({ CONFIG_SNAPSHOT_FILE }: SourceSettings, dataDirectory = './data'): string {
  if (CONFIG_SNAPSHOT_FILE) return CONFIG_SNAPSHOT_FILE;
  return join(dataDirectory.startsWith('memory:') ? './data' : dataDirectory, 'config-snapshot.json');
}
