import { Injectable } from '@nestjs/common';
import type { Principal } from '../context/index.js';
import type { Counter, CounterSeries } from '../metrics/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import type { Refusal } from './refusal.js';

/** The way in that a decision is about; none = no credential, or none that is taken. */
export type Scheme = Principal['scheme'] | 'none';

const LABELS = ['scheme', 'decision'] as const;

/** The decisions about one scheme, each with its series made once. */
export class SchemeDecisions {
  readonly allowed: CounterSeries;
  readonly #unauthenticated: CounterSeries;
  readonly #forbidden: CounterSeries;
  readonly #unavailable: CounterSeries;

  constructor(counter: Counter<typeof LABELS>, scheme: Scheme) {
    this.allowed = counter.labels(scheme, 'allowed');
    this.#unauthenticated = counter.labels(scheme, 'unauthenticated');
    this.#forbidden = counter.labels(scheme, 'forbidden');
    this.#unavailable = counter.labels(scheme, 'unavailable');
  }

  count({ options: { code } }: Refusal): void {
    if (code === 'PERMISSION_DENIED') this.#forbidden.inc();
    else if (code === 'UNAVAILABLE') this.#unavailable.inc();
    else this.#unauthenticated.inc();
  }
}

/** What the guard decided, and how the keys and the files behind it fare. */
@Injectable()
export class AuthMetrics {
  readonly decisions: Readonly<Record<Scheme, SchemeDecisions>>;
  readonly #jwks: Counter<readonly ['result']>;
  readonly #files: Counter<readonly ['file', 'result']>;
  /** Counts what is remembered; set by whoever remembers. */
  cachedTokens: () => number = () => 0;

  constructor(registry: MetricsRegistry) {
    const counter = registry.counter({
      name: 'auth_decisions_total',
      help: 'Calls by how they authenticated and what became of it: allowed, unauthenticated, forbidden, unavailable.',
      labels: LABELS,
    });
    this.decisions = {
      jwt: new SchemeDecisions(counter, 'jwt'),
      'api-key': new SchemeDecisions(counter, 'api-key'),
      mtls: new SchemeDecisions(counter, 'mtls'),
      none: new SchemeDecisions(counter, 'none'),
    };
    this.#jwks = registry.counter({
      name: 'auth_jwks_refreshes_total',
      help: "Fetches of the token issuer's keys, by result: success, failure.",
      labels: ['result'],
    });
    this.#files = registry.counter({
      name: 'auth_file_reloads_total',
      help: 'Readings of changed files of API keys and of mTLS identities, by result: success, failure.',
      labels: ['file', 'result'],
    });
    registry.gauge({
      name: 'auth_cached_tokens',
      help: 'Bearer tokens that are remembered as good.',
      acrossWorkers: 'sum',
      collect: (gauge) => gauge.set(this.cachedTokens()),
    });
  }

  jwksFetched(result: 'success' | 'failure'): void {
    this.#jwks.labels(result).inc();
  }

  fileReloaded(file: 'api-keys' | 'mtls', result: 'success' | 'failure'): void {
    this.#files.labels(file, result).inc();
  }
}
