/** The same with one span a call: Fastify's request span alone, which reads traceparent by itself. */
import { FastifyOtelInstrumentation } from '@fastify/otel';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { NodeSDK } from '@opentelemetry/sdk-node';

new NodeSDK({
  traceExporter: new OTLPTraceExporter(),
  instrumentations: [
    new FastifyOtelInstrumentation({
      registerOnInitialization: true,
      instrumentHooks: false,
      instrumentHandler: false,
    }),
  ],
}).start();
