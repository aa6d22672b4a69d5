/** The usual recipe's tracing: all auto-instrumentations with the ESM loader hook; `node --import` this. */
import { getNodeAutoInstrumentations } from '@opentelemetry/auto-instrumentations-node';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { register } from 'node:module';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
new NodeSDK({
  traceExporter: new OTLPTraceExporter(),
  instrumentations: [getNodeAutoInstrumentations()],
}).start();
