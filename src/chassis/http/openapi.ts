import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { z } from 'zod';
import type { ChassisConfig, Config } from '../config/index.js';
import { loadSwagger } from './documentation.js';
import { toOpenApi } from './json-schema.js';
import { addSecurity, noteAccess } from './openapi-security.js';

const PROBLEM_CONTENT = 'application/problem+json';

const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string(),
    code: z.string().describe('Canonical gRPC code name'),
    reason: z.string().describe('Machine-readable and stable'),
    requestId: z.string(),
    traceId: z.string().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });

/** The OpenAPI 3.1 document of every route, made from the schemas that also validate and serialise. */
export async function createOpenApiDocument(
  app: NestFastifyApplication,
  config: Config,
): Promise<OpenAPIObject> {
  const swagger = await loadSwagger();
  const { DocumentBuilder, SwaggerModule } = swagger;
  noteAccess(app, swagger);
  const info = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle(config.get('SERVICE_NAME'))
    .setDescription(`REST API of ${config.get('SERVICE_NAME')}`)
    .setVersion(config.get('SERVICE_VERSION'))
    .addServer('/')
    .build();
  const document = SwaggerModule.createDocument(app, info, {
    operationIdFactory: (_controller, method) => method,
    standardSchemaConverter: (schema, { schemaType }) => toOpenApi(schema, schemaType),
  });
  addProblems(document);
  addSecurity(document);
  return document;
}

/** Every operation can answer with a problem. */
function addProblems(document: OpenAPIObject): void {
  const { schema, components } = toOpenApi(Problem, 'output');
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, ...components },
  };
  const problem = { description: 'What went wrong', content: { [PROBLEM_CONTENT]: { schema } } };
  for (const path of Object.values(document.paths)) {
    for (const { responses } of Object.values(path) as { responses?: object }[])
      if (responses) Object.assign(responses, { '4XX': problem, '5XX': problem });
  }
}

/**
 * The page loads its own files and calls its own service, nothing else. Swagger UI sets styles of elements,
 * which only `unsafe-inline` allows; scripts need no such thing.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Gives the routes of the documentation page, which come after this, a policy that lets it work. */
function allowDocumentationPage(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    if (!/^\/docs(\/|$)/.test(route.url)) return;
    const setPolicy: onRequestHookHandler = (_request, reply, done) => {
      void reply.header('content-security-policy', PAGE_POLICY);
      done();
    };
    route.onRequest = [setPolicy, ...[route.onRequest ?? []].flat()];
  });
}

/** Whether there is the page `/docs`. */
export function isPageServed(keys: Pick<ChassisConfig, 'APP_ENV' | 'DOCS_ENABLED'>): boolean {
  return keys.DOCS_ENABLED === 'auto' ? keys.APP_ENV !== 'production' : keys.DOCS_ENABLED === 'true';
}

/**
 * Serves `/openapi.json`, and the page `/docs` where it is enabled: there the document is made at the
 * start, elsewhere on first use.
 */
export async function serveOpenApi(app: NestFastifyApplication, config: Config): Promise<void> {
  let text: Promise<string> | undefined;
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.get('/openapi.json', async (_request, reply) => {
    text ??= createOpenApiDocument(app, config).then((document) => JSON.stringify(document));
    return reply.header('content-type', 'application/json; charset=utf-8').send(await text);
  });
  if (!isPageServed(config.values)) return;
  allowDocumentationPage(fastify);
  const { SwaggerModule } = await loadSwagger();
  SwaggerModule.setup('docs', app, await createOpenApiDocument(app, config), { raw: false });
}
