import type { Writable } from 'node:stream';
import { assertSendable } from '../errors/primary.js';
import { CallContext } from './call-context.js';
import type { Disturbance } from './interference.js';

/** Stands for every method that no service has, so that labels stay bounded. */
export const UNKNOWN_RPC = '(unknown)';

/** A gRPC call, from the HTTP/2 stream's first header to its end. */
export class GrpcCall extends CallContext {
  readonly transport = 'grpc';
  /** The response stream of a streaming method: what fills it waits while the client reads slowly. */
  responses: Writable | undefined;
  /** Calls a service of others, such as health: no handler of ours can end it. */
  isForeign = false;
  /** One side at least streams: the call may last for days. */
  isStream = false;
  /** The handler has ended the call. grpc-js may have ended it before, with a status of its own. */
  isAnswered = false;
  /** Asked before each message of a request stream is handed on: what it gives is waited for, what it throws ends the call. */
  admitMessage: (() => Promise<void> | undefined) | undefined;
  /** Told of each message of a request stream that has come in. */
  onMessage: (() => void) | undefined;
  /** Further initial metadata of the answer. */
  answerMetadata: Readonly<Record<string, string>> | undefined;
  /** What is done to it on purpose before and while it is answered. */
  disturbance: Disturbance | undefined;
  /** Its stream was reset by us, on purpose. */
  isCut = false;
  /** Metadata that ends the answer. */
  answerTrailers: Readonly<Record<string, string>> | undefined;
  /** The initial metadata is on its way: what comes now goes into the trailers. */
  hasSentMetadata = false;
  /** Messages that arrived and messages that left. */
  messagesIn = 0;
  messagesOut = 0;

  constructor(
    requestId: string,
    /** Full name of the service, such as `orders.v1.OrderService`; `UNKNOWN_RPC` when there is none. */
    readonly service: string,
    /** Name of the method, such as `GetOrder`; `UNKNOWN_RPC` when there is none. */
    readonly method: string,
  ) {
    super(requestId);
  }

  /** Such as `orders.v1.OrderService/GetOrder`; `UNKNOWN_RPC` when there is none. */
  get rpc(): string {
    return this.service === UNKNOWN_RPC ? UNKNOWN_RPC : `${this.service}/${this.method}`;
  }

  /**
   * Adds to the answer's initial metadata; once that is sent, as by a stream, to its trailers.
   * @throws TypeError for what cannot be sent
   */
  override setAnswerHeader(name: string, value: string): void {
    assertSendable(name, value);
    if (this.hasSentMetadata) this.answerTrailers = { ...this.answerTrailers, [name]: value };
    else this.answerMetadata = { ...this.answerMetadata, [name]: value };
  }
}
