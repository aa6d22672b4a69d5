import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { ChassisModule } from './chassis.module.js';
import { chassisConfigSchema, Config, serviceNameOf } from './config/index.js';
import { createOpenApiDocument, HttpAdapter } from './http/index.js';
import { Openings, Shutdown } from './lifecycle/index.js';
import { LoadShedding } from './load-shedding/index.js';
import { createLogging } from './logging/index.js';
import type { ServiceDefinition } from './start-service.js';
import { createTelemetry } from './telemetry.js';

/**
 * The OpenAPI document of a service that does not run. Nest only looks at the modules ("preview"): no
 * provider is made, no database opened, no port bound, and neither environment nor files are read, so
 * the same sources give the same document on every machine.
 */
export async function describeApi(
  service: Pick<ServiceDefinition, 'module'>,
  about: { readonly name: string; readonly version: string },
): Promise<OpenAPIObject> {
  const values = {
    SERVICE_NAME: serviceNameOf(about.name),
    SERVICE_VERSION: about.version,
    LOG_LEVEL: 'silent',
  };
  const config = new Config(chassisConfigSchema.parse(values), new Map());
  const logging = createLogging(config);
  const telemetry = createTelemetry(service.module, config, logging.logger);
  const root = ChassisModule.around(
    service.module,
    { config },
    logging,
    telemetry,
    new LoadShedding(config),
    new Openings(),
    new Shutdown({ logger: logging.logger, limitMs: 0 }),
  );
  const app = await NestFactory.create<NestFastifyApplication>(
    root,
    new HttpAdapter(config, telemetry.observers),
    {
      preview: true,
      abortOnError: false,
      bodyParser: false,
      logger: false,
    },
  );
  return createOpenApiDocument(app, config);
}
