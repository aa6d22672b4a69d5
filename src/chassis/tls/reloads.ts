import { Logger } from '@nestjs/common';
import { dirname } from 'node:path';
import { FileWatch, type Config } from '../config/index.js';
import type { Counter, Gauge, MetricsRegistry } from '../metrics/index.js';
import { fingerprintOf, oneLine } from './describe-certificate.js';
import { checkMaterial, type TlsMaterial } from './material.js';
import { allPaths, digestOf, readFiles } from './tls-files.js';
import { EXPIRY, RELOADS } from './tls.metrics.js';

const DAY_MS = 86_400_000;
/** Certificate and key are two files: what tells of a change waits for this long for the other one, in milliseconds. */
const QUIET_MS = 200;

/** Puts changed files to use, but only a set that is valid as a whole; otherwise the former one serves on. */
export class Reloads {
  readonly #logger = new Logger('Tls');
  readonly #watch: FileWatch;
  #counter: Counter<typeof RELOADS.labels> | undefined;
  #expiry: Gauge<typeof EXPIRY.labels> | undefined;
  #inUse: TlsMaterial | undefined;
  #warnedAt = -Infinity;
  /** Of the files that were refused last, while they are there; they may be valid later, when their time has come. */
  #refused = '';

  constructor(
    private readonly config: Config,
    /** Of the files in use. */
    private digest: string,
    private readonly replace: (material: TlsMaterial) => void,
  ) {
    const intervalMs = config.get('TLS_RELOAD_INTERVAL_MS');
    this.#watch = new FileWatch({
      folders: allPaths(config).map((path) => dirname(path)),
      intervalMs,
      quietMs: QUIET_MS,
      onPerhaps: () => this.#look(),
      onUnwatched: (folder, error) =>
        this.#logger.warn(
          { err: error, folder, interval_ms: intervalMs },
          'folder of TLS files cannot be watched; its files are read from time to time',
        ),
    });
  }

  start(registry: MetricsRegistry, material: TlsMaterial): void {
    this.#counter = registry.counter(RELOADS);
    this.#expiry = registry.gauge(EXPIRY);
    this.#note(material);
    this.#watch.start();
    // What changed between the start and now.
    this.#look();
  }

  stop(): void {
    this.#watch.stop();
  }

  #look(): void {
    const files = readFiles(this.config);
    const digest = digestOf(files);
    if (digest === this.digest) this.#refused = '';
    else {
      try {
        const material = checkMaterial(this.config, files);
        this.replace(material);
        this.digest = digest;
        this.#refused = '';
        this.#note(material);
        this.#counter?.labels('ok').inc();
      } catch (error) {
        this.#refuse(error, digest);
      }
    }
    this.#warnOfExpiry();
  }

  #refuse(error: unknown, digest: string): void {
    if (digest === this.#refused) return;
    this.#refused = digest;
    this.#counter?.labels('failed').inc();
    const faults =
      error instanceof AggregateError
        ? (error.errors as Error[]).map(({ message }) => message)
        : [String(error)];
    this.#logger.error({ faults }, 'changed TLS files are not valid; the former certificate serves on');
  }

  #note(material: TlsMaterial): void {
    this.#inUse = material;
    for (const { file, certificate } of material.identities) {
      this.#expiry?.labels(file).set(certificate.validToDate.getTime() / 1000);
      this.#logger.log(
        {
          file,
          subject: oneLine(certificate.subject),
          names: certificate.subjectAltName,
          not_after: certificate.validToDate.toISOString(),
          fingerprint: fingerprintOf(certificate),
        },
        'tls certificate in use',
      );
    }
  }

  #warnOfExpiry(): void {
    const now = Date.now();
    const limitMs = this.config.get('TLS_EXPIRY_WARNING_DAYS') * DAY_MS;
    if (now - this.#warnedAt < DAY_MS) return;
    for (const { file, certificate } of this.#inUse?.identities ?? []) {
      const { validToDate } = certificate;
      if (validToDate.getTime() - now > limitMs) continue;
      this.#warnedAt = now;
      this.#logger.warn(
        { file, not_after: validToDate.toISOString() },
        'tls certificate ends soon; renew it',
      );
    }
  }
}
