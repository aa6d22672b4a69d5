import type { ChassisConfig, Config, ConfigChange, ConfigSource } from '../config/index.js';
import { ServiceError } from '../errors/index.js';

/** One key that a revision changed, as it may be shown. */
export interface RevisionDiff {
  readonly key: string;
  readonly previous: unknown;
  readonly next: unknown;
  readonly source: ConfigSource;
}

/** A configuration that the service has, or has had. */
export interface Revision {
  readonly revision: number;
  readonly at: string;
  /** Who or what asked for it. */
  readonly cause: string;
  readonly changes: readonly RevisionDiff[];
}

/** An earlier configuration that was gone back to. */
export interface PinnedRevision {
  readonly revision: number;
  readonly values: object;
}

/** The values of a revision, to go back to. */
interface Remembered {
  readonly revision: Revision;
  readonly values: Readonly<ChassisConfig>;
}

/** The latest revisions of the configuration, so many as CONFIG_REVISIONS says. */
export class Revisions {
  readonly #remembered: Remembered[] = [];

  constructor(
    private readonly most: number,
    private readonly config: Config,
  ) {
    const { revision, values } = config;
    this.#remember({ revision, at: now(), cause: 'start', changes: [] }, values);
  }

  /** The newest first. */
  get all(): readonly Revision[] {
    return this.#remembered.map(({ revision }) => revision).toReversed();
  }

  add(
    change: ConfigChange<ChassisConfig>,
    sources: ReadonlyMap<string, ConfigSource>,
    cause: string,
  ): Revision {
    const { previous, next, revision: number } = change;
    const changes = [...change.keys].map((key) => ({
      key,
      previous: this.config.redact(key, previous[key]),
      next: this.config.redact(key, next[key]),
      source: sources.get(key) ?? 'default',
    }));
    const revision = { revision: number, at: now(), cause, changes };
    this.#remember(revision, next);
    return revision;
  }

  /** @throws {ServiceError} NOT_FOUND when there was none of that number, or it is forgotten */
  valuesOf(number: number): Readonly<ChassisConfig> {
    const found = this.#remembered.find(({ revision }) => revision.revision === number);
    if (!found) throw noSuchRevision(number, this.#remembered[0]?.revision.revision ?? 1);
    return found.values;
  }

  #remember(revision: Revision, values: Readonly<ChassisConfig>): void {
    this.#remembered.push({ revision, values });
    if (this.#remembered.length > this.most) this.#remembered.shift();
  }
}

function noSuchRevision(revision: number, oldest: number): ServiceError {
  return new ServiceError({
    code: 'NOT_FOUND',
    reason: 'CONFIG_REVISION_NOT_FOUND',
    message: `The configuration has no revision ${revision}; the oldest that is remembered is ${oldest}, GET /config/revisions has all`,
  });
}

function now(): string {
  return new Date().toISOString();
}
