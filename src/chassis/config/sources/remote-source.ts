import type { ConfigSource } from '../config.js';

/** A store of keys on the network. */
export interface RemoteSource {
  readonly name: ConfigSource;
  /**
   * All texts by key, without the prefix: at once, and again whenever they may have changed. Ends only by throwing:
   * when the store cannot be asked, or the signal aborts.
   */
  contents(signal: AbortSignal): AsyncIterable<ReadonlyMap<string, string>>;
}
