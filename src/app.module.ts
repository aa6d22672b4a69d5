import { Module } from '@nestjs/common';
import type { ServiceDefinition } from '#chassis';
import { OrdersModule } from './features/orders/orders.module.js';

/** Which features the service has. */
@Module({ imports: [OrdersModule] })
export class AppModule {}

/** The service that `main.ts` runs and the tests start. */
export const service: ServiceDefinition = {
  module: AppModule,
  root: new URL('../', import.meta.url),
};
