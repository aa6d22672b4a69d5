import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2';
import type { Cut, GrpcCall } from '../context/index.js';
import type { ServiceError } from '../errors/index.js';

type Sent = (error?: Error | null) => void;

/**
 * Breaks a call off: after some messages, in place of the next one or of the end, or after a time. Its stream
 * is reset as by a proxy that fails; the connection stays, since others share it. The messages are those of
 * the answer or, where only the request is a stream, those of the request.
 */
export function breakOff(stream: ServerHttp2Stream, call: GrpcCall, cut: Cut, isClientStream: boolean): void {
  const breaking = new Breaking(stream, call, cut, isClientStream);
  breaking.attach();
}

class Breaking {
  /** Messages that are on their way out: a reset would overtake them. */
  #leaving = 0;
  #sent = 0;

  constructor(
    private readonly stream: ServerHttp2Stream,
    private readonly call: GrpcCall,
    private readonly cut: Cut,
    private readonly isClientStream: boolean,
  ) {}

  attach(): void {
    const { stream, call } = this;
    const { afterMessages = Infinity, afterMs } = this.cut;
    this.#guardMessages();
    this.#guardEnd();
    if (this.isClientStream)
      call.onMessage = () => {
        if (call.messagesIn > afterMessages) this.#end();
      };
    if (afterMs === undefined) return;
    const timer = setTimeout(() => this.#end(), afterMs);
    stream.once('close', () => clearTimeout(timer));
  }

  #guardMessages(): void {
    const { stream } = this;
    const write = stream.write.bind(stream) as (chunk: unknown, done: Sent) => boolean;
    stream.write = ((chunk: unknown, done: Sent) => {
      if (this.#isOver()) return false;
      this.#sent += 1;
      this.#leaving += 1;
      return write(chunk, (error) => {
        this.#leaving -= 1;
        done(error);
        this.#reset();
      });
    }) as typeof stream.write;
  }

  #guardEnd(): void {
    const { stream } = this;
    const end = stream.end.bind(stream);
    // Node ends a stream that it resets, too: then there is nothing to be sent.
    stream.end = () => (this.#isOver() ? stream : end());
    const respond = stream.respond.bind(stream);
    stream.respond = (
      headers?: OutgoingHttpHeaders | readonly string[],
      options?: ServerStreamResponseOptions,
    ) => {
      const isStatusAlone = options?.endStream === true;
      if (!isStatusAlone || !this.#isOver()) respond(headers, options);
    };
  }

  /** Ends the call when as much has passed as may. */
  #isOver(): boolean {
    const passed = this.isClientStream ? this.call.messagesIn : this.#sent;
    if (passed >= (this.cut.afterMessages ?? Infinity)) this.#end();
    return this.call.isCut;
  }

  #end(): void {
    const { call } = this;
    if (call.isCut) return;
    call.isCut = true;
    call.error = this.cut.apply() as ServiceError;
    this.#reset();
  }

  #reset(): void {
    if (this.call.isCut && this.#leaving === 0) this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}
