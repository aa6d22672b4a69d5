import type { ErrorInfo } from '#generated/google/rpc/error_details';
import { failureOf, type GrpcOptions } from './grpc-test-client.js';
import { order, Probes } from './probe.js';
import type { TestApp } from './test-app.js';

/** How a call ended, whatever its shape: the `reason`s of the answers, or the failure. */
export interface Outcome {
  readonly answers?: readonly string[];
  /** Canonical code name. */
  readonly code?: string;
  readonly reason?: string | undefined;
  readonly message?: string;
}

// prettier-ignore
const CODE_NAMES = [
  'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS',
  'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED',
  'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED',
];

export interface Shape {
  readonly name: string;
  readonly isGrpc: boolean;
  /** Tells the probe to do `reason`. */
  readonly call: (app: TestApp, reason: string, options?: ShapeOptions) => Promise<Outcome>;
}

export interface ShapeOptions {
  readonly headers?: Record<string, string>;
  readonly timeoutMs?: number;
}

/** Every shape of call that the chassis serves: what holds for one has to hold for all. */
export const SHAPES: readonly Shape[] = [
  {
    name: 'REST',
    isGrpc: false,
    call: async (app, reason, { headers, timeoutMs } = {}) => {
      const deadline = timeoutMs === undefined ? {} : { 'x-request-timeout-ms': String(timeoutMs) };
      const { status, body } = await app.http.post('/probe', order(reason), { ...headers, ...deadline });
      if (status < 300) return { answers: [body.reason] };
      return { code: body.code, reason: body.reason, message: body.detail };
    },
  },
  grpcShape('gRPC unary', async (app, message, options) => [
    await app.grpc.unary(Probes.unary, message, options),
  ]),
  grpcShape('gRPC client stream', async (app, message, options) => [
    await app.grpc.clientStream(Probes.clientStream, [message], options),
  ]),
  grpcShape('gRPC server stream', (app, message, options) =>
    collect(app.grpc.serverStream(Probes.serverStream, message, options)),
  ),
  grpcShape('gRPC bidirectional stream', (app, message, options) => {
    const call = app.grpc.bidi(Probes.bidi, options);
    call.write(message);
    call.end();
    return collect(call);
  }),
];

function grpcShape(
  name: string,
  call: (app: TestApp, message: ErrorInfo, options: GrpcOptions) => Promise<ErrorInfo[]>,
): Shape {
  return {
    name,
    isGrpc: true,
    call: async (app, reason, { headers, timeoutMs } = {}) => {
      // The header alone: with a deadline of its own the client might cancel before the server answers.
      const deadline = timeoutMs === undefined ? {} : { 'grpc-timeout': `${timeoutMs}m` };
      const options: GrpcOptions = { metadata: { ...headers, ...deadline } };
      const answers = call(app, order(reason), options);
      const settled = await answers.then(
        (messages) => messages.map((message) => message.reason),
        () => undefined,
      );
      if (settled) return { answers: settled };
      const failure = await failureOf(answers);
      return {
        code: CODE_NAMES[failure.code] ?? String(failure.code),
        reason: failure.reason,
        message: failure.message,
      };
    },
  };
}

async function collect(stream: AsyncIterable<ErrorInfo>): Promise<ErrorInfo[]> {
  const messages: ErrorInfo[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}
