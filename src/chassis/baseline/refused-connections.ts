import type { MetricsRegistry } from '../metrics/index.js';
import type { RefusedConnections } from './connection-limit.js';

/** Adds `connections_refused_total`, copied at the scrape. */
export function watchRefusedConnections(
  registry: MetricsRegistry,
  { http, grpc }: Readonly<Record<'http' | 'grpc', RefusedConnections>>,
): void {
  registry.counter({
    name: 'connections_refused_total',
    help: 'Connections that were closed: the port or the address had as many as it may, or too many streams were reset.',
    labels: ['transport', 'reason'],
    collect: (counter) => {
      counter.labels('http', 'max').value = http.max;
      counter.labels('http', 'max_per_ip').value = http.maxPerIp;
      counter.labels('grpc', 'max').value = grpc.max;
      counter.labels('grpc', 'max_per_ip').value = grpc.maxPerIp;
      counter.labels('grpc', 'stream_resets').value = grpc.streamResets;
    },
  });
}
