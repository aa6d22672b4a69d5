import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { GrpcClients } from './grpc-clients.js';
import { HttpClients } from './http-clients.js';

/** Provides `HttpClients` and `GrpcClients` everywhere. Being global it closes after the features: their last calls may call. */
@Global()
@Module({ providers: [HttpClients, GrpcClients], exports: [HttpClients, GrpcClients] })
export class ClientsModule implements OnApplicationShutdown {
  constructor(
    private readonly http: HttpClients,
    private readonly grpc: GrpcClients,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.grpc.close();
    await this.http.close();
  }
}
