import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestApp } from '../support/index.js';

const draft = { customerId: 'ada', currency: 'EUR', items: [{ sku: 'pen', quantity: 2, unitAmount: 150 }] };

describe.each(['embedded', 'postgres'])('orders over REST on %s', (kind) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start(kind === 'embedded' ? { config: { DATA_DIR: 'memory://' } } : {});
  });
  afterAll(() => app.stop());

  const create = (body: object = draft, headers = {}) => app.http.post('/v1/orders', body, headers);

  test('creates an order and reads it again', async () => {
    const created = await create();
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe(`/v1/orders/${created.body.id}`);
    expect(created.headers.get('etag')).toBe('"1"');
    expect(created.body).toMatchObject({ ...draft, status: 'pending', totalAmount: 300, version: 1 });
    expect(Date.parse(created.body.createdAt)).toBeGreaterThan(Date.now() - 60_000);
    const read = await app.http.get(created.headers.get('location') ?? '');
    expect(read).toMatchObject({ status: 200, body: created.body });
  });

  test('refuses what does not fit, naming every field', async () => {
    const { status, body } = await create({
      customerId: '',
      currency: 'eur',
      items: [{ sku: 'x', quantity: 0, unitAmount: 1.5 }],
      more: 1,
    });
    expect(status).toBe(400);
    const paths = body.errors.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['customerId', 'currency', 'items.0.quantity', 'items.0.unitAmount', '']),
    );
  });

  test('answers 404 to an order that is not there', async () => {
    const { status, body } = await app.http.get('/v1/orders/01a1fdf5-f5e7-70dc-b568-e5be378f4ac2');
    expect({ status, reason: body.reason }).toEqual({ status: 404, reason: 'ORDER_NOT_FOUND' });
  });

  test('answers 304 while the order has not changed', async () => {
    const { body } = await create();
    const unchanged = await app.http.get(`/v1/orders/${body.id}`, { 'if-none-match': '"9", W/"1"' });
    expect({ status: unchanged.status, body: unchanged.body, etag: unchanged.headers.get('etag') }).toEqual({
      status: 304,
      body: '',
      etag: '"1"',
    });
    expect((await app.http.get(`/v1/orders/${body.id}`, { 'if-none-match': '"2"' })).status).toBe(200);
  });

  describe('an idempotency key', () => {
    test('gives the same answer again, whatever became of the order since', async () => {
      const first = await create(draft, { 'idempotency-key': 'again' });
      await app.http.post(`/v1/orders/${first.body.id}/cancel`);
      const second = await create(
        { items: draft.items, currency: 'EUR', customerId: 'ada' },
        { 'idempotency-key': 'again' },
      );
      expect(second).toMatchObject({ status: 201, body: first.body });
      expect(first.headers.get('idempotency-replayed')).toBeNull();
      expect(second.headers.get('idempotency-replayed')).toBe('true');
    });

    test('belongs to one order', async () => {
      await create(draft, { 'idempotency-key': 'mine' });
      const { status, body } = await create({ ...draft, currency: 'USD' }, { 'idempotency-key': 'mine' });
      expect({ status, reason: body.reason }).toEqual({ status: 422, reason: 'IDEMPOTENCY_KEY_REUSED' });
    });

    test('makes one order of many creates at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => create(draft, { 'idempotency-key': 'rush' })),
      );
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
      expect(answers.filter(({ headers }) => !headers.has('idempotency-replayed'))).toHaveLength(1);
    });

    test.each(['', 'with space', 'x'.repeat(256)])('%j is refused', async (key) => {
      const { status, body } = await create(draft, { 'idempotency-key': key });
      expect({ status, path: body.errors?.[0]?.path }).toEqual({ status: 400, path: 'idempotency-key' });
    });
  });

  describe('cancelling', () => {
    test('changes status and ETag, and changes nothing the second time', async () => {
      const { body } = await create();
      const first = await app.http.post(`/v1/orders/${body.id}/cancel`);
      expect(first).toMatchObject({ status: 200, body: { status: 'cancelled', version: 2 } });
      expect(first.headers.get('etag')).toBe('"2"');
      expect(await app.http.post(`/v1/orders/${body.id}/cancel`)).toMatchObject({
        status: 200,
        body: { version: 2 },
      });
    });

    test('goes on only with the ETag that the caller knows', async () => {
      const { body } = await create();
      const stale = await app.http.post(`/v1/orders/${body.id}/cancel`, undefined, { 'if-match': '"7"' });
      expect(stale).toMatchObject({
        status: 412,
        body: { code: 'ABORTED', reason: 'ORDER_VERSION_MISMATCH', metadata: { currentVersion: '1' } },
      });
      const fresh = await app.http.post(`/v1/orders/${body.id}/cancel`, undefined, { 'if-match': '"1"' });
      expect(fresh.status).toBe(200);
    });

    test('of many at once with one ETag succeeds once', async () => {
      const { body } = await create();
      const cancel = () => app.http.post(`/v1/orders/${body.id}/cancel`, undefined, { 'if-match': '"1"' });
      const statuses = (await Promise.all(Array.from({ length: 10 }, cancel))).map(({ status }) => status);
      expect(statuses.toSorted()).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
    });

    test.each(['1', 'W/"1"', '"one"', '"1", "2"'])('If-Match %s is refused', async (etag) => {
      const { body } = await create();
      const { status } = await app.http.post(`/v1/orders/${body.id}/cancel`, undefined, { 'if-match': etag });
      expect(status).toBe(400);
    });
  });

  describe('listing', () => {
    test('pages through every order once, newest first', async () => {
      for (let index = 0; index < 7; index++) await create({ ...draft, customerId: 'pages' });
      const seen: string[] = [];
      let token = '';
      do {
        const { body } = await app.http.get(
          `/v1/orders?customerId=pages&pageSize=3${token && `&pageToken=${token}`}`,
        );
        seen.push(...body.orders.map(({ id }: { id: string }) => id));
        token = body.nextPageToken ?? '';
      } while (token);
      expect(seen).toHaveLength(7);
      expect(seen).toEqual([...new Set(seen)].toSorted().toReversed());
    });

    test('filters by status', async () => {
      const { body } = await create({ ...draft, customerId: 'filter' });
      await create({ ...draft, customerId: 'filter' });
      await app.http.post(`/v1/orders/${body.id}/cancel`);
      const cancelled = await app.http.get('/v1/orders?customerId=filter&status=cancelled');
      expect(cancelled.body.orders.map(({ id }: { id: string }) => id)).toEqual([body.id]);
    });

    test('refuses a page token of another filter, and one that is none', async () => {
      for (let index = 0; index < 2; index++) await create({ ...draft, customerId: 'token' });
      const { body } = await app.http.get('/v1/orders?customerId=token&pageSize=1');
      for (const query of [`customerId=other&pageToken=${body.nextPageToken}`, 'pageToken=nonsense']) {
        const refused = await app.http.get(`/v1/orders?${query}`);
        expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'pageToken' }] } });
      }
    });

    test.each(['pageSize=0', 'pageSize=101', 'pageSize=ten', 'pageSize=', 'status=lost'])(
      'refuses %s',
      async (query) => {
        expect((await app.http.get(`/v1/orders?${query}`)).status).toBe(400);
      },
    );
  });
});
