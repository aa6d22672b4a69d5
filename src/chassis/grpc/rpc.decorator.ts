import type { MethodDefinition } from '@grpc/grpc-js';
import { MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { isObservable, type Observable } from 'rxjs';
import type { z } from 'zod';
import { keepNature } from '../lifecycle/index.js';
import { fromMessages } from '../streams/index.js';

/** One method of a generated service, such as `OrderServiceService.getOrder`. */
export type RpcDefinition<Request, Response, In extends boolean, Out extends boolean> = Pick<
  MethodDefinition<Request, Response>,
  'path' | 'requestDeserialize' | 'responseSerialize'
> & { readonly requestStream: In; readonly responseStream: Out };

/** A message without fields fits an empty schema, whose own input type no generated interface fits. */
type Incoming<Schema extends z.ZodType> = string extends keyof z.input<Schema>
  ? { readonly [noField]?: never }
  : z.input<Schema>;
declare const noField: unique symbol;

type Argument<In, Message> = In extends true ? AsyncIterable<Message> : Message;
type Result<Out, Response> = Out extends true
  ? AsyncIterable<Response> | Observable<Response>
  : Promise<Response>;

/**
 * Serves one rpc. The compiler holds the proto message against the schema's input, the schema's output
 * against the handler's argument, and the handler's result against the proto response: a contract
 * cannot drift. Request streams arrive as `AsyncIterable`, validated message by message; response
 * streams are returned as `AsyncIterable` (an async generator; pulled only as fast as the client
 * reads) or as `Observable` (pushed).
 *
 * @example
 * ```ts
 * @Rpc(OrderServiceService.getOrder, OrderRef)
 * async getOrder({ id }: OrderRef): Promise<GetOrderResponse> { … }
 * ```
 */
export function Rpc<
  Request extends Incoming<Schema>,
  Response,
  In extends boolean,
  Out extends boolean,
  Schema extends z.ZodType,
>(definition: RpcDefinition<Request, Response, In, Out>, schema: Schema) {
  type Handler = (request: Argument<In, z.output<Schema>>, ...more: never[]) => Result<Out, Response>;
  return <Method extends Handler>(
    target: object,
    key: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    if (definition.responseStream) pushMessages(descriptor);
    Payload({ schema })(target, key, 0);
    MessagePattern(definition.path, Transport.GRPC, { definition })(target, key, descriptor);
  };
}

/**
 * Makes a handler's `AsyncIterable` an `Observable`, so that Nest's interceptors see each message and
 * its filters see what fails half-way. Metadata of decorators below this one moves along.
 */
function pushMessages(descriptor: PropertyDescriptor): void {
  const handler = descriptor.value as (...args: unknown[]) => AsyncIterable<unknown> | Observable<unknown>;
  descriptor.value = keepNature(handler, function (this: unknown, ...args): Observable<unknown> {
    const messages = handler.apply(this, args);
    return isObservable(messages) ? messages : fromMessages(messages);
  });
}
