import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';

/** The one that the reader has chosen at the top. */
export const PROMETHEUS: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };
/** Provisioned with this uid: docker/grafana/provisioning/datasources. */
export const LOKI: DataSourceRef = { type: 'loki', uid: 'loki' };
/** Provisioned with this uid: docker/grafana/provisioning/datasources. */
export const TEMPO: DataSourceRef = { type: 'tempo', uid: 'tempo' };
