import type { FeatureRow } from '../feature-row.ts';

export const row: FeatureRow = {
  title: 'Orders',
  route: '/v1/orders.*',
  rpcService: 'orders.v1.OrderService',
  panels: [],
};
