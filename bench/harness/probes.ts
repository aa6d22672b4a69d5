/** Single calls with full clients, for checks: slow and exact where the load clients are fast and narrow. */
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { ItemServiceService, type GetItemResponse } from '../generated/items/v1/items.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export async function callHttp(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const call = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
  });
  call.on('error', reject);
  call.end(body);
  return promise;
}

/** Whether the target answers its item yet. */
export async function answersHttp(port: number, token: string): Promise<boolean> {
  try {
    const answer = await callHttp(port, 'GET', '/v1/items/item-1', { authorization: `Bearer ${token}` });
    return answer.status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}

export interface GrpcAnswer {
  readonly code: status;
  readonly response: GetItemResponse | undefined;
}

export async function callGrpc(
  port: number,
  id: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<GrpcAnswer> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const { path, requestSerialize, responseDeserialize } = ItemServiceService.getItem;
  const { promise, resolve } = Promise.withResolvers<GrpcAnswer>();
  client.makeUnaryRequest(
    ...([path, requestSerialize, responseDeserialize, { id }, metadata] as const),
    (error: ServiceError | null, response?: GetItemResponse) =>
      resolve({ code: error ? error.code : status.OK, response }),
  );
  try {
    return await promise;
  } finally {
    client.close();
  }
}

/** Whether the target's gRPC port answers. Tries the port first: a client that failed waits a second. */
export async function answersGrpc(port: number, token: string): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } catch {
    // Not listening yet.
    return false;
  } finally {
    socket.destroy();
  }
  return (await callGrpc(port, 'item-1', { authorization: `Bearer ${token}` })).code === status.OK;
}
