import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Scopes } from '#chassis/auth';
import { Audit } from '#chassis/audit';
import { HeaderParam, Returns } from '#chassis/http';
import { CreateOrder, IdempotencyKey, ListOrders, Order, OrderId, OrderPage } from './orders.schema.js';
import { OrdersService } from './orders.service.js';

/** The version in an `If-Match` header: `"3"`; `*` matches any, as does no header. */
const IfMatch = z
  .string()
  .regex(/^("\d{1,9}"|\*)$/, 'must be one ETag such as "3", or *')
  .transform((etag) => (etag === '*' ? undefined : Number(etag.slice(1, -1))))
  .optional()
  .describe('Go on only if the order still has this ETag');

const IfNoneMatch = z
  .string()
  .max(1024)
  .optional()
  .describe('Answer 304 without a body if the order still has one of these ETags');

/** REST under `/v1/orders`. */
@ApiTags('orders')
@Controller('v1/orders')
export class OrdersHttpController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  @Scopes('orders:write')
  @ApiOperation({ operationId: 'createOrder', summary: 'Create an order' })
  @Returns(201, Order, 'The new order')
  @Audit('orders.create')
  async create(
    @Body({ schema: CreateOrder }) input: CreateOrder,
    @HeaderParam('idempotency-key', IdempotencyKey.optional()) idempotencyKey: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Order> {
    const { order, isReplay } = await this.orders.create(input, idempotencyKey);
    void reply.header('location', `/v1/orders/${order.id}`).header('etag', etagOf(order));
    if (isReplay) void reply.header('idempotency-replayed', 'true');
    return order;
  }

  @Get()
  @Scopes('orders:read')
  @ApiOperation({ operationId: 'listOrders', summary: 'List orders, newest first' })
  @Returns(200, OrderPage, 'One page of orders')
  list(@Query({ schema: ListOrders }) query: ListOrders): Promise<OrderPage> {
    return this.orders.list(query);
  }

  @Get(':id')
  @Scopes('orders:read')
  @ApiOperation({ operationId: 'getOrder', summary: 'Read an order' })
  @Returns(200, Order, 'The order')
  @ApiResponse({ status: 304, description: 'The order still has the ETag of If-None-Match' })
  async get(
    @Param('id', { schema: OrderId }) id: string,
    @HeaderParam('if-none-match', IfNoneMatch) ifNoneMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Order | undefined> {
    const order = await this.orders.get(id);
    const etag = etagOf(order);
    void reply.header('etag', etag);
    if (!ifNoneMatch?.split(/\s*,\s*/).some((known) => known === '*' || known.replace(/^W\//, '') === etag))
      return order;
    void reply.code(304);
    return undefined;
  }

  @Post(':id/cancel')
  @Scopes('orders:write')
  @ApiOperation({ operationId: 'cancelOrder', summary: 'Cancel an order' })
  @Returns(200, Order, 'The cancelled order')
  @Audit('orders.cancel')
  async cancel(
    @Param('id', { schema: OrderId }) id: string,
    @HeaderParam('if-match', IfMatch) expectedVersion: number | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Order> {
    const order = await this.orders.cancel({ id, expectedVersion });
    void reply.header('etag', etagOf(order));
    return order;
  }
}

function etagOf({ version }: Order): string {
  return `"${version}"`;
}
