/** Raw node:http: the least that can answer. */
import { createServer, type ServerResponse } from 'node:http';
import { ItemStore, type NewItem } from '../../shared/items.js';
import { host, port } from './settings.js';

const ROUTE = '/v1/items';
const items = new ItemStore();

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function isNewItem(value: unknown): value is NewItem {
  const { name, priceAmount, tags } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof name === 'string' &&
    name.length > 0 &&
    name.length <= 100 &&
    Number.isInteger(priceAmount) &&
    (priceAmount as number) >= 0 &&
    Array.isArray(tags) &&
    tags.length <= 10 &&
    tags.every((tag) => typeof tag === 'string' && tag.length > 0 && tag.length <= 32)
  );
}

function create(text: string, response: ServerResponse): void {
  try {
    const { name, priceAmount, tags } = JSON.parse(text) as NewItem;
    const input = { name, priceAmount, tags };
    if (isNewItem(input)) answer(response, 201, items.insert(input));
    else answer(response, 400, { message: 'not an item' });
  } catch {
    answer(response, 400, { message: 'not JSON' });
  }
}

createServer((request, response) => {
  const { method, url = '' } = request;
  if (method === 'GET' && url.startsWith(`${ROUTE}/`)) {
    const item = items.find(url.slice(ROUTE.length + 1));
    if (item) answer(response, 200, item);
    else answer(response, 404, { message: 'no such item' });
  } else if (method === 'POST' && url === ROUTE) {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (text += chunk));
    request.on('end', () => create(text, response));
  } else {
    answer(response, 404, { message: 'no such route' });
  }
}).listen(port, host);
