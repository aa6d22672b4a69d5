import type { Type } from '@nestjs/common';
import type { Logger } from 'pino';
import { createAuditing, type Auditing } from './audit/index.js';
import type { Config } from './config/index.js';
import { CallObservers } from './context/index.js';
import { createHandlerOverlay, Middlewares } from './middleware/index.js';
import { InstancePolicies, PolicyRegistry } from './resilience/index.js';
import {
  applicationClasses,
  CallTracer,
  createInstanceTracer,
  createTracing,
  HttpClientSpans,
  type Tracing,
} from './tracing/index.js';

/** The collector's faults are told this often at most, in milliseconds. */
const FAULT_INTERVAL_MS = 60_000;

/** What sees the calls and the instances before there is a container. */
export interface Telemetry {
  readonly observers: CallObservers;
  readonly tracing: Tracing;
  readonly auditing: Auditing;
  readonly policies: PolicyRegistry;
  readonly middlewares: Middlewares;
  /** For `NestFactory.create`. */
  readonly instanceDecorator: (instance: unknown) => unknown;
  /** Sends what has not been sent, within SHUTDOWN_TELEMETRY_MS; after everything else has ended. */
  close(): Promise<void>;
}

/** Builds tracing for an application and puts it behind OpenTelemetry's API. */
export function createTelemetry(application: Type, config: Config, logger: Logger): Telemetry {
  const tracing = createTracing(config, tellFaults(logger));
  tracing.install();
  const observers = new CallObservers();
  observers.add(
    new CallTracer(tracing.tracer, config.get('TRACES_KEEP_ERRORS') === 'true' && tracing.isRecording),
  );
  const httpClientSpans = new HttpClientSpans(tracing.tracer);
  httpClientSpans.start();
  const auditing = createAuditing(config);
  const policies = new PolicyRegistry(config);
  const guarded = new InstancePolicies(policies);
  const trace = instanceDecoratorOf(application, config, tracing);
  const middlewares = new Middlewares();
  const layOver = createHandlerOverlay(middlewares);
  return {
    observers,
    tracing,
    auditing,
    policies,
    middlewares,
    // Each attempt is a span and an entry of its own; the wait for the entry is none of the span. Middlewares stand
    // around all of it.
    instanceDecorator: (instance) => layOver(guarded.decorate(auditing.auditor.decorate(trace(instance)))),
    close: async () => {
      // A container that was never made has not closed it.
      await auditing.trail.close();
      httpClientSpans.stop();
      await tracing.close(config.get('SHUTDOWN_TELEMETRY_MS'));
    },
  };
}

function instanceDecoratorOf(
  application: Type,
  config: Config,
  tracing: Tracing,
): (instance: unknown) => unknown {
  if (config.get('TRACES_SPANS') === 'server' || !tracing.isRecording) return (instance) => instance;
  const names = config.get('TRACES_EXCLUDE').split(',');
  return createInstanceTracer(tracing.tracer, {
    classes: applicationClasses(application),
    excluded: new Set(names.map((name) => name.trim())),
  });
}

function tellFaults(logger: Logger): (cause: string) => void {
  let toldAt = -Infinity;
  return (cause) => {
    if (Date.now() - toldAt < FAULT_INTERVAL_MS) return;
    toldAt = Date.now();
    logger.warn({ cause }, 'spans could not be exported; trying again, dropping what does not fit the queue');
  };
}
