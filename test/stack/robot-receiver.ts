import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually } from '../support/index.js';

/** A message that the receiver took. */
export interface ReceivedMessage {
  readonly title: string;
  readonly text: string;
  readonly atMobiles: readonly string[];
}

/** What it does with a request that is in order. */
export type RobotBehaviour =
  | 'accept'
  | 'hang'
  /** Accepts once this has come. */
  | { readonly after: Promise<void> }
  | { readonly status: number }
  | { readonly errcode: number; readonly errmsg: string };

const HOUR_MS = 3_600_000;
const LONGEST_BODY_BYTES = 20_000;

/** DingTalk's side of a custom robot: checks token, signature and form, and answers as DingTalk does. */
export class RobotReceiver {
  static readonly TOKEN = 'access-token-of-the-robot';
  static readonly SECRET = 'SEC8f1c/+=secret';
  readonly messages: ReceivedMessage[] = [];
  /** Requests that came, also those that were not taken. */
  requests = 0;
  /** For the next requests, one each; then `accept`. */
  readonly next: RobotBehaviour[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<RobotReceiver & AsyncDisposable> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new RobotReceiver(server);
    return Object.assign(receiver, { [Symbol.asyncDispose]: () => receiver.stop() });
  }

  /** The address that DingTalk shows for a robot. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/robot/send?access_token=${RobotReceiver.TOKEN}`;
  }

  /** Forgets what came. */
  clear(): void {
    this.messages.length = 0;
    this.next.length = 0;
    this.requests = 0;
  }

  /** Waits for a message that fits. */
  async find(what: string, fits: (message: ReceivedMessage) => boolean): Promise<ReceivedMessage> {
    await eventually(`the robot got ${what}`, () => this.messages.some(fits), 20_000);
    return this.messages.find(fits) as ReceivedMessage;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    const body = await text(request).catch(() => '');
    const behaviour = this.next.shift() ?? 'accept';
    if (behaviour === 'hang') return;
    if (typeof behaviour === 'object' && 'status' in behaviour) {
      response.writeHead(behaviour.status).end('upstream is away');
      return;
    }
    if (typeof behaviour === 'object' && 'after' in behaviour) await behaviour.after;
    const isRefused = typeof behaviour === 'object' && 'errcode' in behaviour;
    const answer = isRefused ? behaviour : await this.#take(request, body);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  async #take(request: IncomingMessage, body: string): Promise<{ errcode: number; errmsg: string }> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    if (request.method !== 'POST' || pathname !== '/robot/send')
      return { errcode: 404, errmsg: 'no such address' };
    if (searchParams.get('access_token') !== RobotReceiver.TOKEN)
      return { errcode: 300001, errmsg: 'token is not exist' };
    if (!(await isSigned(searchParams))) return { errcode: 310000, errmsg: 'sign not match' };
    if (Buffer.byteLength(body) > LONGEST_BODY_BYTES)
      return { errcode: 460101, errmsg: 'message too long, exceed 20000 bytes' };
    const { msgtype, markdown, at } = JSON.parse(body) as {
      readonly msgtype: string;
      readonly markdown: { readonly title: string; readonly text: string };
      readonly at: { readonly atMobiles: readonly string[] };
    };
    if (msgtype !== 'markdown') return { errcode: 40035, errmsg: 'unsupported msgtype' };
    this.messages.push({ ...markdown, atMobiles: at.atMobiles });
    return { errcode: 0, errmsg: 'ok' };
  }
}

/** By Web Crypto and from DingTalk's words; the bridge's own code has no part in it. */
async function isSigned(parameters: URLSearchParams): Promise<boolean> {
  const timestamp = parameters.get('timestamp') ?? '';
  if (!/^\d{13}$/.test(timestamp) || Math.abs(Date.now() - Number(timestamp)) > HOUR_MS) return false;
  const bytes = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', bytes.encode(RobotReceiver.SECRET), algorithm, false, [
    'verify',
  ]);
  const signature = Buffer.from(parameters.get('sign') ?? '', 'base64');
  return crypto.subtle.verify('HMAC', key, signature, bytes.encode(`${timestamp}\n${RobotReceiver.SECRET}`));
}
