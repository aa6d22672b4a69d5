import type { ConfigSource } from '../config.js';
import type { Values } from './values.js';

/** A place that configuration comes from and that may change: what it said last, and whether it can be read. */
export interface FollowedSource {
  readonly name: ConfigSource;
  /** Consul or etcd: it may be away, and a snapshot stands in for it at the start. */
  readonly isRemote: boolean;
  /** What it said when it could be read last. */
  readonly values: Values;
  /** Why it could not be read when it was last tried; `undefined` while all is well. */
  readonly fault: string | undefined;
  /** Reads it now. What goes wrong becomes its fault. */
  look(): Promise<void>;
  /** From now on `onTurn` is called when its values or its fault are others than before. */
  follow(onTurn: (source: FollowedSource) => void): void;
  stop(): void;
}
