import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { ProbeModule, TestApp } from '../support/index.js';

const SERVER = 2;
const CLIENT = 3;

let receiver: OtlpReceiver;
let app: TestApp;
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  app = await TestApp.start({
    imports: [ProbeModule],
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: 20 },
  });
});
afterAll(async () => {
  await app.stop();
  await receiver.stop();
});
beforeEach(() => receiver.forget());

/** Names from the root down to the one leaf of `kind` whose name fits. */
function pathTo(leaf: ReceivedSpan | undefined): string[] {
  const path: string[] = [];
  for (let span = leaf; span; span = receiver.spans.find(({ spanId }) => spanId === span?.parentSpanId))
    path.unshift(span.name);
  return path;
}

test('a query is a client span below the method that makes it', async () => {
  await app.http.get('/probe/select');
  await receiver.find('server', ({ kind }) => kind === SERVER);
  const [query] = await receiver.find('query', ({ kind }) => kind === CLIENT);
  expect(query?.attributes).toEqual({
    'db.system.name': 'postgresql',
    'db.operation.name': 'select',
    'db.collection.name': 'pg_class',
    'db.query.text': 'select 1 as one from pg_class limit 1',
  });
  expect(pathTo(query)).toEqual([
    'GET /probe/:reason',
    'ProbeHttpController.get',
    'ProbeService.run',
    'select pg_class',
  ]);
});

test('a query that fails tells its SQLSTATE', async () => {
  await app.http.get('/probe/broken-query');
  const [query] = await receiver.find('query', ({ kind }) => kind === CLIENT);
  expect(query).toMatchObject({ status: { code: 2 }, attributes: { 'db.response.status_code': '42P01' } });
});

test('a request by fetch continues the trace, and the baggage', async () => {
  const body = { reason: 'fetch', domain: app.http.address };
  await app.http.post('/probe', body, { baggage: 'tenant=acme,bad%ZZ=%ZZ' });
  const servers = await receiver.find('both sides', ({ kind }) => kind === SERVER, 2);
  const [client] = await receiver.find('client', ({ kind, name }) => kind === CLIENT && name === 'GET');
  expect(new Set(servers.map(({ traceId }) => traceId)).size).toBe(1);
  expect(servers.find(({ name }) => name.startsWith('GET'))?.parentSpanId).toBe(client?.spanId);
  expect(client?.attributes).toMatchObject({
    'http.request.method': 'GET',
    'http.response.status_code': 200,
    'url.full': `http://${app.http.address}/probe/select`,
  });
});

test('a request whose path begins like another host is one of the host that it goes to', async () => {
  const { address } = app.http;
  // As a URL by itself the path would be one of no host.
  for (const path of ['//?to=', '//elsewhere'])
    await app.http.post('/probe', { reason: 'fetch', domain: `${address}${path}` });
  const clients = await receiver.find('clients', ({ kind, name }) => kind === CLIENT && name === 'GET', 2);
  expect(clients.map(({ attributes }) => attributes)).toMatchObject([
    { 'server.address': '127.0.0.1', 'url.full': `http://${address}//?to=/probe/select` },
    { 'server.address': '127.0.0.1', 'url.full': `http://${address}//elsewhere/probe/select` },
  ]);
});

test('what the query of a request says of secrets is not in its span', async () => {
  const { address } = app.http;
  await app.http.post('/probe', { reason: 'fetch', domain: `${address}/?sig=hush&to=` });
  const [client] = await receiver.find('client', ({ kind, name }) => kind === CLIENT && name === 'GET');
  expect(client?.attributes['url.full']).toBe(`http://${address}/?sig=REDACTED&to=/probe/select`);
});

test('a request that is given up with what is no error has a span all the same', async () => {
  const answer = await app.http.post('/probe', { reason: 'give-up', domain: app.http.address });
  expect(answer.status).toBe(200);
  const [client] = await receiver.find('client', ({ kind, name }) => kind === CLIENT && name === 'GET');
  expect(client).toMatchObject({
    attributes: { 'error.type': '_OTHER' },
    status: { code: 2, message: 'gone' },
  });
});

test('baggage that gRPC could not carry is left out, and the rest goes on', async () => {
  const body = { reason: 'relay', domain: app.grpc.address, metadata: { next: 'echo' } };
  const baggage = 'k\u00e9=1,a=1;p=\u00e9,b=1;p=1\t;q=2';
  expect((await app.http.post('/probe', body, { baggage })).status).toBe(200);
});

test('a gRPC client span says whom it has called', async () => {
  const [host, port] = app.grpc.address.split(':');
  for (const domain of [app.grpc.address, `dns:///${app.grpc.address}`, `ipv4:${app.grpc.address}`])
    await app.http.post('/probe', { reason: 'relay', domain, metadata: { next: 'echo' } });
  const clients = await receiver.find(
    'clients',
    ({ kind, name }) => kind === CLIENT && /Unary/.test(name),
    3,
  );
  for (const { attributes } of clients)
    expect(attributes).toMatchObject({
      'rpc.system.name': 'grpc',
      'rpc.method': 'probe.v1.ProbeService/Unary',
      'rpc.response.status_code': 'OK',
      'server.address': host,
      'server.port': Number(port),
    });
});

test('a failing REST call that crosses to gRPC and the database is one tree', async () => {
  const body = { reason: 'relay', domain: app.grpc.address, metadata: { next: 'broken-query' } };
  const answer = await app.http.post('/probe', body);
  expect(answer.status).toBe(500);
  await receiver.find('REST', ({ kind, name }) => kind === SERVER && name === 'POST /probe');
  const [query] = await receiver.find('query', ({ attributes }) => 'db.query.text' in attributes);
  expect(query?.traceId).toBe(answer.body.traceId);
  expect(pathTo(query)).toEqual([
    'POST /probe',
    'ProbeHttpController.post',
    'ProbeService.run',
    'probe.v1.ProbeService/Unary',
    'probe.v1.ProbeService/Unary',
    'ProbeGrpcController.unary',
    'ProbeService.run',
    'select nowhere',
  ]);
});
