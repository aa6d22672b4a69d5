/** The gRPC recipe's tracing; `node --import` this. */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { register } from 'node:module';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
new NodeSDK({
  traceExporter: new OTLPTraceExporter(),
  instrumentations: [new GrpcInstrumentation()],
}).start();
