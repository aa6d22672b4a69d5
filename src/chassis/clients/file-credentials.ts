import { ChannelCredentials, credentials } from '@grpc/grpc-js';
import type { ClientCertificates } from './client-tls.js';

type CreateConnector = ChannelCredentials['_createSecureConnector'];

/**
 * TLS with what the files hold when a connection is made. grpc-js' own watch of files (experimental) connects to nobody
 * for ten seconds when it has read them amid a change.
 */
export class FileCredentials extends ChannelCredentials {
  constructor(private readonly certificates: ClientCertificates) {
    super();
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...parameters: Parameters<CreateConnector>): ReturnType<CreateConnector> {
    const create = () =>
      credentials.createFromSecureContext(this.certificates.read())._createSecureConnector(...parameters);
    const connector = create();
    connector.connect = (socket) => create().connect(socket);
    return connector;
  }
}
