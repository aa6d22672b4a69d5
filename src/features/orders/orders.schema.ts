import { z } from 'zod';

/** A whole number, also from the text of a query string. */
const integer = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.preprocess(
    (value: number | string) =>
      typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value,
    z.int({ error }).min(min, error).max(max, error),
  );
};

const slug = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"');
const version = z.int({ error: 'must be a whole number' }).min(1, 'must be at least 1').max(2_147_483_647);

export const OrderStatus = z.enum(['pending', 'cancelled']);

export const OrderItem = z.strictObject({
  sku: slug.describe('Stock keeping unit'),
  quantity: z.int().min(1).max(10_000),
  unitAmount: z.int().min(0).max(100_000_000).describe("Price of one, in the currency's minor unit"),
});

/** Makes a create safe to repeat for 24 hours. */
export const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
  .describe(
    'Makes the call safe to repeat: the same key and body give the same caller the same answer for 24 hours',
  );

export const CreateOrder = z
  .strictObject({
    customerId: slug,
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be three upper-case letters (ISO 4217)'),
    items: z.array(OrderItem).min(1, 'must have at least one item').max(100, 'must have at most 100 items'),
  })
  .meta({ id: 'CreateOrder' });
export type CreateOrder = z.output<typeof CreateOrder>;

export const OrderId = z.uuid('must be a UUID').toLowerCase();

export const ListOrders = z.strictObject({
  customerId: slug.optional(),
  status: OrderStatus.optional(),
  pageSize: integer(1, 100).default(20).describe('Orders on a page; 20 when not given'),
  pageToken: z
    .string()
    .max(256)
    .optional()
    .describe('nextPageToken of the page before, with the same filter'),
});
export type ListOrders = z.output<typeof ListOrders>;

export const CancelOrder = z.strictObject({ id: OrderId, expectedVersion: version.optional() });
export type CancelOrder = z.output<typeof CancelOrder>;

export const Order = z
  .object({
    id: z.uuid().describe('UUID version 7: sorts by time of creation'),
    customerId: z.string(),
    status: OrderStatus,
    currency: z.string(),
    items: z.array(OrderItem),
    totalAmount: z.int().describe("Sum of quantity × unitAmount, in the currency's minor unit"),
    version: z.int().min(1).describe('Grows by one with each change; also the ETag'),
    createdAt: z.date(),
    updatedAt: z.date(),
  })
  .meta({ id: 'Order' });
export type Order = z.output<typeof Order>;

export const OrderPage = z
  .object({
    orders: z.array(Order),
    nextPageToken: z.string().optional().describe('Absent on the last page'),
  })
  .meta({ id: 'OrderPage' });
export type OrderPage = z.output<typeof OrderPage>;
