import type { Server } from '@grpc/grpc-js';
import type { MetricsRegistry } from '../metrics/index.js';

/** Adds `rpc_server_connections`, counted at the scrape. */
export function watchGrpcConnections(server: Server, registry: MetricsRegistry): void {
  registry.gauge({
    name: 'rpc_server_connections',
    help: 'Connections to the gRPC port, those of clients without a call at the time included.',
    collect: (gauge) => {
      // grpc-js has no public question "who is connected?" but channelz, which costs every call.
      const servers = server['http2Servers'] as ReadonlyMap<
        unknown,
        { readonly sessions: ReadonlySet<unknown> }
      >;
      gauge.set([...servers.values()].reduce((sum, { sessions }) => sum + sessions.size, 0));
    },
  });
}
