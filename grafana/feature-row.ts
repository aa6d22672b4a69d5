import type { Query } from './parts/query.ts';

/** A further panel of a feature: a curve of each query. */
export interface FeaturePanel {
  readonly title: string;
  /** What the panel tells, and what to do about it; shown at its corner. */
  readonly description?: string;
  /** As Grafana names it: `s`, `bytes`, `reqps`, `percentunit`, `short`, … */
  readonly unit: string;
  readonly queries: readonly Query[];
}

/**
 * What a feature has on the service overview, as data: `grafana/features/<name>.row.ts` exports it as `row`. A feature
 * with both transports gets panels of both. docs/dashboards.md has an example.
 */
export interface FeatureRow {
  readonly title: string;
  /** Its REST routes, as a regular expression on `http_route`. @default it has none */
  readonly route?: string;
  /** Its gRPC service, such as `invoices.v1.InvoiceService`. @default it has none */
  readonly rpcService?: string;
  readonly panels?: readonly FeaturePanel[];
}
