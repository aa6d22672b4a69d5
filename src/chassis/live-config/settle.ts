import { isDeepStrictEqual } from 'node:util';
import type { Assembled, ChassisConfig, ConfigSource } from '../config/index.js';

/** What can be taken now, and what has to wait for a restart. */
export interface Settled extends Assembled {
  readonly restartNeeded: readonly string[];
}

/** What the service runs with. */
export interface Current {
  readonly values: Readonly<ChassisConfig>;
  readonly sourceOf: (key: string) => ConfigSource;
}

/** New values of keys that are live; the others keep the value and the source that the process began with. */
export function settle(next: Assembled, current: Current, live: ReadonlySet<string>): Settled {
  const values: Record<string, unknown> = { ...next.values };
  const sources = new Map(next.sources);
  const restartNeeded: string[] = [];
  const running = current.values as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(values)) {
    if (live.has(key) || isDeepStrictEqual(values[key], running[key])) continue;
    restartNeeded.push(key);
    values[key] = running[key];
    sources.set(key, current.sourceOf(key));
  }
  return { values: values as unknown as ChassisConfig, sources, restartNeeded };
}

/** The live values of an earlier revision, and whatever else holds now. */
export function goBack(
  earlier: object,
  current: Current,
  live: ReadonlySet<string>,
  revision: number,
): Assembled {
  const values: Record<string, unknown> = { ...current.values };
  const sources = new Map<string, ConfigSource>();
  const old = earlier as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(values)) {
    const isOther = live.has(key) && !isDeepStrictEqual(values[key], old[key]);
    if (isOther) values[key] = old[key];
    sources.set(key, isOther ? `revision ${revision}` : current.sourceOf(key));
  }
  return { values: values as unknown as ChassisConfig, sources };
}
