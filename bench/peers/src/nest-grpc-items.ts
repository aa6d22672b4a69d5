/** The item feature over gRPC as Nest's documentation writes it. */
import { Controller, Module } from '@nestjs/common';
import { GrpcMethod, GrpcStatus, RpcException, Transport, type GrpcOptions } from '@nestjs/microservices';
import { fileURLToPath } from 'node:url';
import type { Item } from '../../shared/items.js';
import { ItemsRepository } from './nest-items.js';
import { grpcPort, host } from './settings.js';

@Controller()
class ItemsGrpcController {
  constructor(private readonly items: ItemsRepository) {}

  @GrpcMethod('ItemService', 'GetItem')
  async getItem({ id }: { id: string }): Promise<{ item: Item }> {
    const item = await this.items.find(id);
    if (!item) throw new RpcException({ code: GrpcStatus.NOT_FOUND, message: 'no such item' });
    return { item };
  }
}

@Module({ controllers: [ItemsGrpcController], providers: [ItemsRepository] })
export class ItemsGrpcModule {}

export const grpcOptions: GrpcOptions = {
  transport: Transport.GRPC,
  options: {
    package: 'items.v1',
    protoPath: fileURLToPath(new URL('../../../../proto/items/v1/items.proto', import.meta.url)),
    url: `${host}:${grpcPort}`,
    loader: { longs: Number },
  },
};
