import type { Type } from '@nestjs/common';
import type { NestContainer } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import type * as Swagger from '@nestjs/swagger';
import { readAccessRule, type AccessRule } from '../auth/index.js';
import { methodsOn } from '../lifecycle/index.js';

/** Carries a handler's rule through `@nestjs/swagger` to its operation; taken out again. */
const ACCESS = 'x-chassis-access';

type SecuritySchemes = NonNullable<NonNullable<OpenAPIObject['components']>['securitySchemes']>;

interface Operation {
  security?: Record<string, readonly string[]>[];
  responses?: Record<string, unknown>;
  [ACCESS]?: AccessRule;
}

/** Any one of these lets in; which of them a running service takes is its configuration. */
const SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
  clientCertificate: { type: 'mutualTLS' },
} as const;

/** Notes on every REST handler what it asks of its caller, for the document that is made next. */
export function noteAccess(app: NestFastifyApplication, { ApiExtension }: typeof Swagger): void {
  // Where `@nestjs/swagger` finds the controllers too: there is no public way to them without instances.
  const { container } = app as unknown as { readonly container: NestContainer };
  for (const { controllers } of container.getModules().values()) {
    for (const { metatype } of controllers.values()) {
      const controller = metatype as Type;
      const prototype = controller.prototype as object;
      for (const [name, value] of methodsOn(prototype))
        ApiExtension(ACCESS, readAccessRule(controller, value))(prototype, name, { value });
    }
  }
}

/** Adds the schemes, and to each operation what it needs, with its answers to those who lack it. */
export function addSecurity(document: OpenAPIObject): void {
  // `@nestjs/swagger` has no type for the kind of OpenAPI 3.1.
  const securitySchemes = SCHEMES as unknown as SecuritySchemes;
  document.components = { ...document.components, securitySchemes };
  document.security = [];
  for (const path of Object.values(document.paths))
    for (const operation of Object.values(path) as Operation[]) describeAccess(operation);
}

function describeAccess(operation: Operation): void {
  const rule = operation[ACCESS];
  delete operation[ACCESS];
  if (!rule || !operation.responses) return;
  if (rule.isPublic) {
    operation.security = [];
    return;
  }
  operation.security = Object.keys(SCHEMES).map((name) => ({ [name]: rule.scopes }));
  const content = (operation.responses['4XX'] as { readonly content: unknown }).content;
  operation.responses['401'] = { description: 'No credential, or one that is not valid', content };
  operation.responses['403'] = { description: forbiddenOf(rule), content };
}

function forbiddenOf({ scopes, roles }: AccessRule): string {
  const needs = [
    ...(scopes.length > 0 ? [`the scope ${scopes.join(' and ')}`] : []),
    ...roles.map((names) => `the role ${names.join(' or ')}`),
  ];
  return needs.length > 0 ? `The caller lacks ${needs.join(', or ')}` : 'The caller may not do this';
}
