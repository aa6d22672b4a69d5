import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  Config,
  ConfigError,
  ConfigSources,
  type AppliedChange,
  type Assembled,
  type ChassisConfig,
  type FollowedSource,
  type Gathered,
} from '../config/index.js';
import { runInScope, Scope } from '../context/index.js';
import { whyOf } from '../errors/index.js';
import { HealthService } from '../health/index.js';
import { MetricsRegistry, type Counter } from '../metrics/index.js';
import { addLiveConfigMetrics, type ReloadResult } from './live-config.metrics.js';
import type { Refusal, ReloadOutcome } from './reload-outcome.js';
import { Revisions, type PinnedRevision, type Revision } from './revisions.js';
import { goBack, settle, type Current } from './settle.js';

/**
 * Keeps the configuration as its sources have it, while the service runs: what changes is gathered, validated as a
 * whole, offered to those whom it concerns and taken as one, or not at all.
 */
@Injectable()
export class LiveConfig implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger(LiveConfig.name);
  readonly #revisions: Revisions;
  readonly #reloads: Counter<['result']>;
  readonly #restartListeners: ((wanted: string) => void)[] = [];
  /** What the sources said last, whether it was taken or refused; `undefined` when it could not even be put together. */
  #seen: Gathered | undefined;
  /** What they said when it was last taken, or set aside by a rollback. */
  #taken: Gathered | undefined;
  /** Keys that have another value since the start and take it only by a restart. */
  #restartNeeded: readonly string[] = [];
  /** A digest of these keys and of what the sources say of them: it tells one change from the next and keeps no secret. */
  #restartWanted = '';
  #refused: Refusal | undefined;
  /** The revision that was gone back to, until a source changes. */
  #pinned: PinnedRevision | undefined;
  /** While every source is read for somebody who asked: what fails then counts once, as the answer. */
  #isLooking = false;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting: Promise<ReloadOutcome> | undefined;

  constructor(
    private readonly config: Config,
    private readonly sources: ConfigSources,
    private readonly health: HealthService,
    metrics: MetricsRegistry,
  ) {
    this.#revisions = new Revisions(sources.settings.CONFIG_REVISIONS, config);
    this.#reloads = addLiveConfigMetrics(metrics, sources, {
      revision: () => config.revision,
      restartNeeded: () => this.#restartNeeded,
    });
    for (const source of sources.followed) if (source.isRemote) this.#watchHealth(source);
  }

  onApplicationBootstrap(): void {
    for (const standIn of this.sources.standIns)
      this.#logger.error(
        standIn,
        'a source of the configuration is of no use: the service starts from the snapshot of what it said before',
      );
    // Not what they say now: the service has begun with this.
    this.#seen = this.#taken = this.sources.valid;
    this.#keepSnapshot();
    this.sources.follow((source) => this.#hear(source));
  }

  beforeApplicationShutdown(): void {
    this.sources.stop();
  }

  /** The newest first. */
  get revisions(): readonly Revision[] {
    return this.#revisions.all;
  }

  /**
   * Calls `listener` when keys need a restart, and again when they need it for other values; at once when some do
   * already. `wanted` is the same in every process that wants the same.
   */
  onRestartNeeded(listener: (wanted: string) => void): void {
    this.#restartListeners.push(listener);
    if (this.#restartNeeded.length > 0) listener(this.#restartWanted);
  }

  /** What `GET /config` tells of it, beside the values. */
  describe() {
    return {
      pinned: this.#pinned?.revision ?? null,
      restartNeeded: this.#restartNeeded,
      refused: this.#refused ?? null,
      sources: this.sources.followed.map(({ name, fault }) => ({
        name,
        isUp: fault === undefined,
        ...(fault !== undefined && { message: fault }),
      })),
    };
  }

  isLive(key: string): boolean {
    return this.sources.schema.live.has(key);
  }

  /** Reads every source now and takes what they say, also what a rollback had set aside. */
  reload(cause: string): Promise<ReloadOutcome> {
    return this.#inTurn(async () => {
      this.#isLooking = true;
      await this.sources.look().finally(() => (this.#isLooking = false));
      const outcome = await this.#take(cause, true);
      if (outcome.result === 'unchanged') this.#logger.log({ cause }, 'configuration is unchanged');
      if (outcome.result === 'failed')
        this.#logger.error({ cause, reason: outcome.reason }, 'configuration could not be read as a whole');
      return outcome;
    });
  }

  /**
   * Gives the live keys the values that they had in an earlier revision, as a new one. They hold until a source says
   * something else than now, or `reload` is asked for.
   * @returns `refused` when a part of the service would not take them
   * @throws {ServiceError} NOT_FOUND
   */
  rollback(revision: number): Promise<ReloadOutcome> {
    return this.#inTurn(async () => this.#goBack({ revision, values: this.#revisions.valuesOf(revision) }));
  }

  /** What holds since a rollback, until a source changes; `undefined` while the sources have their way. */
  get pinned(): PinnedRevision | undefined {
    return this.#pinned;
  }

  /** Goes back to what another worker has gone back to. */
  pin(pinned: PinnedRevision): Promise<ReloadOutcome> {
    return this.#inTurn(() => this.#goBack(pinned));
  }

  /** A source says something else, or can no longer be read, or can be again. */
  #hear({ name, fault }: FollowedSource): void {
    if (fault === undefined) this.#logger.log({ source: name }, 'source of the configuration was read');
    else {
      if (!this.#isLooking) this.#reloads.labels('failed').inc();
      this.#logger.error(
        { source: name, reason: fault },
        'source of the configuration cannot be used; what it said last stays',
      );
    }
    // Whatever comes while a change is under way is taken together after it.
    this.#waiting ??= this.#inTurn(() => {
      this.#waiting = undefined;
      return this.#take(name);
    });
    this.#waiting.catch((error: unknown) =>
      this.#logger.error({ err: error }, 'configuration was not changed'),
    );
  }

  /** What all sources say, if it is something new or somebody has asked for it. */
  async #take(cause: string, isAsked = false): Promise<ReloadOutcome> {
    let gathered: Gathered | undefined;
    let assembled: Assembled;
    try {
      gathered = this.sources.gather();
      if (!isAsked && this.#isKnown(gathered)) return this.#outcome('unchanged');
      assembled = await this.sources.validate(gathered);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return this.#count(this.#refuse('schema', cause, error.message));
    } finally {
      this.#seen = gathered;
    }
    const settled = settle(assembled, this.#current, this.sources.schema.live);
    const outcome = await this.#change(settled, cause);
    if (outcome.result !== 'refused') {
      this.#taken = gathered;
      this.#pinned = undefined;
      this.#noteRestart(settled.restartNeeded);
      this.#keepSnapshot();
    }
    return this.#count(isAsked ? this.#asWhole(outcome) : outcome);
  }

  /** Whoever asked for a look at all sources is told of those that could not be read, whatever the others said. */
  #asWhole(outcome: ReloadOutcome): ReloadOutcome {
    const faults = this.sources.followed.flatMap(({ fault }) => fault ?? []);
    if (faults.length === 0 || outcome.result === 'refused') return outcome;
    return { ...outcome, result: 'failed', reason: faults.join('; ') };
  }

  /** Whether they say what they said before, also before something that was refused: that is over then. */
  #isKnown(gathered: Gathered): boolean {
    if (isDeepStrictEqual(gathered, this.#seen)) return true;
    if (!isDeepStrictEqual(gathered, this.#taken)) return false;
    this.#refused = undefined;
    return true;
  }

  async #change(next: Assembled, cause: string): Promise<ReloadOutcome> {
    let change: AppliedChange<ChassisConfig> | undefined;
    try {
      change = await this.config.change(
        next.values,
        next.sources,
        this.sources.settings.CONFIG_PREPARE_TIMEOUT_MS,
        (err) => this.#logger.error({ err, cause }, 'a part did not drop what it had got ready'),
      );
    } catch (error) {
      return this.#refuse('service', cause, whyOf(error));
    }
    this.#refused = undefined;
    if (!change) return this.#outcome('unchanged');
    const { revision } = this.#revisions.add(change, next.sources, cause);
    const changed = [...change.keys];
    this.#logger.log({ revision, cause, changed }, 'configuration changed');
    for (const err of change.faults)
      this.#logger.error({ err, revision }, 'a part did not take the changed configuration');
    return { result: 'applied', revision, changed, reason: undefined };
  }

  async #goBack(pinned: PinnedRevision): Promise<ReloadOutcome> {
    const { revision, values } = pinned;
    const earlier = goBack(values, this.#current, this.sources.schema.live, revision);
    const outcome = await this.#change(earlier, `rollback to revision ${revision}`);
    if (outcome.result !== 'refused') {
      this.#pinned = pinned;
      this.#taken = this.#seen ?? this.#taken;
    }
    return this.#count(outcome);
  }

  #refuse(by: Refusal['by'], cause: string, reason: string): ReloadOutcome {
    this.#refused = { at: new Date().toISOString(), cause, by, reason };
    this.#logger.error({ cause, by, reason }, 'configuration refused; the last good one stays');
    return this.#outcome('refused', reason);
  }

  #outcome(result: ReloadResult, reason?: string): ReloadOutcome {
    return { result, revision: this.config.revision, changed: [], reason };
  }

  #count(outcome: ReloadOutcome): ReloadOutcome {
    this.#reloads.labels(outcome.result).inc();
    return outcome;
  }

  #noteRestart(keys: readonly string[]): void {
    const wanted = keys.length === 0 ? '' : digestOf(keys.map((key) => [key, this.#seen?.values[key]]));
    const isNew = wanted !== '' && wanted !== this.#restartWanted;
    this.#restartNeeded = keys;
    this.#restartWanted = wanted;
    if (!isNew) return;
    this.#logger.warn({ keys }, 'configuration has changed that needs a restart');
    for (const listener of this.#restartListeners) listener(wanted);
  }

  #keepSnapshot(): void {
    try {
      this.sources.keepSnapshot();
    } catch (error) {
      this.#logger.error({ err: error }, 'snapshot of the configuration could not be written');
    }
  }

  #watchHealth(source: FollowedSource): void {
    const [kind = ''] = source.name.split(':', 1);
    this.health.addDependency({
      name: `config-${kind}`,
      kind,
      isCritical: false,
      check: async () => {
        if (source.fault !== undefined) throw new Error(source.fault);
      },
    });
  }

  get #current(): Current {
    const entries = new Map(this.config.describe().map(({ key, source }) => [key, source]));
    return { values: this.config.values, sourceOf: (key) => entries.get(key) ?? 'default' };
  }

  /** One after the other, and in no call: what they change is not the caller's alone. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const begin = () => runInScope(Scope.NONE, work);
    const done = this.#turn.then(begin, begin);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function digestOf(values: unknown): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('base64');
}
