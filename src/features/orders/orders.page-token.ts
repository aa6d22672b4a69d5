import { createHash } from 'node:crypto';
import { validationFailed } from '#chassis/errors';
import { OrderId, type ListOrders } from './orders.schema.js';

type Filter = Pick<ListOrders, 'customerId' | 'status'>;

/** A token that continues after `lastId`, for this filter only. */
export function encodePageToken(lastId: string, filter: Filter): string {
  return Buffer.from(`${lastId}.${fingerprint(filter)}`).toString('base64url');
}

/**
 * The id after which the page begins.
 * @throws ServiceError VALIDATION_FAILED when the token is not one of ours or belongs to another filter
 */
export function decodePageToken(token: string, filter: Filter): string {
  const [id, belongsTo] = Buffer.from(token, 'base64url').toString().split('.');
  if (!OrderId.safeParse(id).success) throw refused('is no page token of this service');
  if (belongsTo !== fingerprint(filter)) throw refused('belongs to another filter; start again without it');
  return id as string;
}

function fingerprint({ customerId, status }: Filter): string {
  return createHash('sha256')
    .update(JSON.stringify([customerId, status]))
    .digest('base64url')
    .slice(0, 8);
}

function refused(message: string) {
  return validationFailed([{ path: 'pageToken', message }]);
}
