import { once } from 'node:events';
import { connect, createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { hasStreamTable, keepStreamsYoung } from './keep-streams-young.js';

test("the sessions of this project's Node take the table, and serve and end with it", async () => {
  const server = createServer((request, response) => request.url === '/held' || response.end('answer'));
  keepStreamsYoung(server);
  const opened = once(server, 'session') as Promise<[ServerHttp2Session]>;
  server.listen(0);
  const client = connect(`http://localhost:${(server.address() as AddressInfo).port}`);
  const [session] = await opened;
  expect(hasStreamTable(session)).toBe(true);

  const answers = Array.from({ length: 1000 }, async () => (await client.request().toArray()).join(''));
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['answer']));
  const arrived = once(server, 'request');
  const cut = once(client.request({ ':path': '/held' }), 'close');
  await arrived;
  session.destroy();
  await cut;
  server.close();
  await once(server, 'close');
});
