import {
  credentials,
  Client,
  Metadata,
  status,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import {
  OrderServiceService as Orders,
  type SyncOrdersRequest,
  type SyncOrdersResponse,
} from '#generated/orders/v1/orders';
import { Repeated } from '../support/repeated.js';

export interface LoadTarget {
  /** `host:port` of REST and of gRPC. */
  readonly http: string;
  readonly grpc: string;
  /** An order that is there. */
  readonly orderId: string;
}

/** How one kind of call fared. */
export interface Tally {
  calls: number;
  /** Streams that were told to move, and opened again. */
  moved: number;
  slowestMs: number;
  readonly failures: string[];
}

const KEPT_CONNECTIONS = 4;
const GRPC_CHANNELS = 2;
/** Each loop asks again as soon as it has its answer, so the load follows what the machine can do. */
const KINDS = {
  'REST, kept connections': 4,
  'REST, new connections': 1,
  'gRPC unary': 4,
  'gRPC short streams': 1,
  'gRPC endless stream': 1,
} as const;
type Kind = keyof typeof KINDS;

/** Calls of every shape, without a pause, from the start until `stop`. */
export class SteadyLoad {
  readonly tallies = new Map<Kind, Tally>();
  readonly #target: LoadTarget;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: KEPT_CONNECTIONS });
  readonly #clients: Client[];
  readonly #loops: Repeated[] = [];
  #isOver = false;

  constructor(target: LoadTarget) {
    this.#target = target;
    // Channels of one process share their connections unless they are told not to.
    this.#clients = Array.from(
      { length: GRPC_CHANNELS },
      () => new Client(target.grpc, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
    );
    for (const kind of Object.keys(KINDS) as Kind[]) {
      this.tallies.set(kind, { calls: 0, moved: 0, slowestMs: 0, failures: [] });
      for (let loop = 0; loop < KINDS[kind]; loop++) {
        const client = this.#clients[loop % GRPC_CHANNELS] as Client;
        this.#loops.push(new Repeated(() => this.#once(kind, client)));
      }
    }
  }

  get calls(): number {
    return [...this.tallies.values()].reduce((sum, { calls }) => sum + calls, 0);
  }

  get failures(): readonly string[] {
    return [...this.tallies].flatMap(([kind, { failures }]) => failures.map((text) => `${kind}: ${text}`));
  }

  /** Calls and failures, all together and by kind. */
  describe(): string {
    const kinds = [...this.tallies].map(([kind, { calls, moved, failures, slowestMs }]) => {
      const more = moved > 0 ? `${moved} told to move` : `slowest ${Math.round(slowestMs)} ms`;
      return `  ${kind}: ${calls} calls, ${failures.length} failed, ${more}`;
    });
    return [`${this.calls} calls, ${this.failures.length} failed`, ...kinds].join('\n');
  }

  /** Lets every call under way end. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    this.#agent.destroy();
    for (const client of this.#clients) client.close();
  }

  /** One more call of a loop; what fails is counted and told, too. */
  async #once(kind: Kind, client: Client): Promise<void> {
    const tally = this.tallies.get(kind) as Tally;
    const begin = performance.now();
    tally.calls += 1;
    try {
      await this.#call(kind, client, tally);
    } catch (error) {
      tally.failures.push(`${new Date().toISOString()} ${String(error)}`);
      throw error;
    } finally {
      if (kind !== 'gRPC endless stream')
        tally.slowestMs = Math.max(tally.slowestMs, performance.now() - begin);
    }
  }

  #call(kind: Kind, client: Client, tally: Tally): Promise<void> {
    switch (kind) {
      case 'REST, kept connections':
        return this.#get(this.#agent);
      case 'REST, new connections':
        return this.#get(false);
      case 'gRPC unary':
        return this.#getOrder(client);
      case 'gRPC short streams':
        return this.#sync(client);
      case 'gRPC endless stream':
        return this.#watch(client, tally);
      default:
        return kind satisfies never;
    }
  }

  #get(agent: Agent | false): Promise<void> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`http://${this.#target.http}/v1/orders/${this.#target.orderId}`, { agent });
      outgoing.on('response', (answer) => {
        answer.resume();
        answer.on('error', reject);
        answer.on('end', () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`status ${answer.statusCode}`)),
        );
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  #getOrder(client: Client): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = Orders.getOrder;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { id: this.#target.orderId },
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }

  /** A stream both ways that is soon over: it must end as it would have without a drain. */
  #sync(client: Client): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = Orders.syncOrders;
    return new Promise((resolve, reject) => {
      const stream: ClientDuplexStream<SyncOrdersRequest, SyncOrdersResponse> = client.makeBidiStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
      );
      stream.on('data', () => {});
      stream.on('error', reject);
      stream.on('status', ({ code }: { code: number }) => code === 0 && resolve());
      setTimeout(() => stream.end(), 20);
    });
  }

  /** Goes on until the instance says that it ends, with the advice to come again. */
  #watch(client: Client, tally: Tally): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = Orders.watchOrders;
    return new Promise((resolve, reject) => {
      const stream = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        {},
        new Metadata(),
      );
      const timer = setInterval(() => this.#isOver && stream.cancel(), 50);
      stream.on('data', () => {});
      stream.on('error', (error: ServiceError) => {
        clearInterval(timer);
        if (this.#isOver) resolve();
        else if (
          error.code === status.UNAVAILABLE &&
          error.metadata.get('grpc-status-details-bin').length > 0
        ) {
          tally.moved += 1;
          resolve();
        } else reject(error);
      });
      stream.on('end', () => {
        clearInterval(timer);
        resolve();
      });
    });
  }
}
