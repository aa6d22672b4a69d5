import { Module } from '@nestjs/common';
import { DatabaseModule } from '#chassis/database';
import { OrdersChanges } from './orders.changes.js';
import { OrdersGrpcController } from './orders.grpc.controller.js';
import { OrdersHttpController } from './orders.http.controller.js';
import { ordersMigrations } from './orders.migrations.js';
import { OrdersRepository } from './orders.repository.js';
import { OrdersService } from './orders.service.js';

/** The sample feature: every shape of call that a service needs. */
@Module({
  imports: [DatabaseModule.forFeature({ name: 'orders', migrations: ordersMigrations })],
  controllers: [OrdersHttpController, OrdersGrpcController],
  providers: [OrdersService, OrdersRepository, OrdersChanges],
})
export class OrdersModule {}
